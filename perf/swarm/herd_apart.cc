// Connections that behave badly on purpose: those that read late or never, and those that vanish.
#include <linux/filter.h>
#include <sys/socket.h>

#include "base/check.h"
#include "herd.h"

namespace holdfast::swarm {
namespace {

// Lets in what carries RST, so that we learn when the server has ended its side, and drops everything else
// before TCP sees it: nothing is acknowledged any more. What is looked at begins with the TCP header.
constexpr std::uint32_t kFlagsOffset = 13;
constexpr std::uint32_t kReset = 0x04;
sock_filter only_resets[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOffset),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kReset, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff'ffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};
const sock_fprog kOnlyResets{std::size(only_resets), only_resets};

}  // namespace

void Herd::turn_deaf(Index slot) {
  connections_[slot].flags |= kDeaf;
}

void Herd::sip(Index slot, std::uint32_t bytes) {
  CHECK(bytes > 0 && bytes <= Desk::kReceiveBytes);
  sip_bytes_ = bytes;
  connections_[slot].flags |= kSip;
  queue_ready(slot);
}

void Herd::listen(Index slot) {
  connections_[slot].flags &= static_cast<std::uint16_t>(~(kDeaf | kSip));
  queue_ready(slot);
}

void Herd::vanish(Index slot) {
  CHECK(can_set_options());
  Connection& connection = connections_[slot];
  leave_open(slot, State::vanished);
  desk_->tally.add(Count::vanished);
  connection.wanted = connection.sending = 0;
  connection.since_ns = desk_->now_ns;
  // A FIN of ours would be answered by nobody: it must not linger when we end it.
  connection.flags |= kResets;
  ring_->set_option(slot, SOL_SOCKET, SO_ATTACH_FILTER, std::as_bytes(std::span(&kOnlyResets, 1)),
                    tag(Step::filter, slot));
  queued_ = true;
}

// A server that has ended its side answers the ping with RST, whatever it did or did not tell us before.
void Herd::probe(Index slot) {
  static constexpr int kIgnored = 0;
  CHECK(connections_[slot].state == State::vanished);
  ring_->set_option(slot, SOL_SOCKET, SO_DETACH_FILTER, std::as_bytes(std::span(&kIgnored, 1)),
                    tag(Step::filter, slot));
  ping(slot);
}

}  // namespace holdfast::swarm
