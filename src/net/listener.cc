// Listener: arming, near-full behaviour, and what each accept error means.
#include "net/listener.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "net/ticks.h"

namespace holdfast::net {

using ring::Completion;
using ring::Ring;

void Listener::adjust(Ring& ring, std::uint32_t share, std::uint32_t headroom, time::Tick now) {
  if (stopped_ || backing_off(now)) return;
  backoff_ = false;
  const bool multishot_allowed = !options_.one_shot && ring.has_peer_address();
  // One enter brings in what waits in the backlog, and what joins it meanwhile.
  const std::uint32_t burst = burst_slots();
  if (multishot_armed_) {
    if (std::min(share, headroom + burst) < burst && !multishot_cancel_) cancel(ring, kMultishotKey);
    return;
  }
  // Armed a little later than it is given up, so that a table that hovers around the mark does not do both
  // all the time. A cancel that is still due would be taken for one of the new accept.
  if (multishot_allowed && !multishot_cancel_ && std::min(share, headroom) >= burst + burst / 4) {
    multishot_armed_ = true;
    ring.accept_multishot(options_.descriptor, tag(kMultishotKey));
    return;
  }
  adjust_one_shots(ring, share, headroom);
}

void Listener::adjust_one_shots(Ring& ring, std::uint32_t share, std::uint32_t headroom) {
  for (std::uint32_t key = 0; key < kOneShotMaximum && wanted_one_shots() < share && headroom > 0; ++key) {
    const std::uint32_t bit = 1u << key;
    if (((armed_ | cancels_) & bit) != 0) continue;
    armed_ |= bit;
    --headroom;
    addresses_[key] = ring::SocketAddress{};
    ring.accept_once(options_.descriptor, &addresses_[key], tag(key));
  }
  // More than its share, because slots went to others: given back, or they could never come in.
  for (std::uint32_t key = 0; key < kOneShotMaximum && wanted_one_shots() > share; ++key) {
    if ((armed_ & ~cancels_ & (1u << key)) != 0) cancel(ring, key);
  }
}

void Listener::cancel(Ring& ring, std::uint32_t key) {
  // The cancel travels under its own tag: slot = this listener, generation = the key with a bit that marks a
  // listener.
  if (key == kMultishotKey) {
    multishot_cancel_ = true;
  } else {
    cancels_ |= 1u << key;
  }
  ring.cancel(tag(key), ring::Tag{ring::Op::accept, kCancelMark | key, number_});
}

Listener::Accepted Listener::completed(const Completion& completion, time::Tick now) {
  const std::uint32_t key = completion.tag().generation;
  CHECK(completion.tag().slot == number_);
  if ((key & kCancelMark) != 0) {
    cancel_completed(completion);
    return {};
  }
  if (key == kMultishotKey) {
    CHECK(multishot_armed_);
    if (!completion.more()) multishot_armed_ = false;
  } else {
    CHECK(key < kOneShotMaximum);
    CHECK((armed_ & (1u << key)) != 0);
    armed_ &= ~(1u << key);
  }
  if (completion.result >= 0) return {true, key == kMultishotKey ? nullptr : &addresses_[key]};
  switch (-completion.result) {
    case ECANCELED:     // we asked for it
    case ECONNABORTED:  // the client gave up while it waited: take the next one
    case EAGAIN:
    case EINTR:
    case EPROTO:
      return {};
    case ENFILE:  // the file table or the host's is full: wait for somebody to leave
    case EMFILE:
    case ENOBUFS:  // the kernel is short of memory: asking again at once would only take more of it
    case ENOMEM:
    default:  // firewall rules (EPERM) and network errors of the peer's route, see accept(2)
      ++errors_;
      last_error_ = -completion.result;
      backoff_ = true;
      backoff_until_ = now + kAcceptBackoffTicks;
      return {};
  }
}

void Listener::cancel_completed(const Completion& completion) {
  const std::uint32_t key = completion.tag().generation & ~kCancelMark;
  if (key == kMultishotKey) {
    CHECK(multishot_cancel_);
    multishot_cancel_ = false;
  } else {
    CHECK((cancels_ & (1u << key)) != 0);
    cancels_ &= ~(1u << key);
  }
}

void Listener::stop(Ring& ring) {
  if (stopped_) return;
  stopped_ = true;
  if (multishot_armed_ && !multishot_cancel_) cancel(ring, kMultishotKey);
  for (std::uint32_t key = 0; key < kOneShotMaximum; ++key) {
    if ((armed_ & (1u << key)) != 0 && (cancels_ & (1u << key)) == 0) cancel(ring, key);
  }
}

void Listener::close(const std::function<void(int)>& close) {
  CHECK(stopped_);
  CHECK(idle());
  if (closed_) return;
  closed_ = true;
  close(options_.descriptor);
}

}  // namespace holdfast::net
