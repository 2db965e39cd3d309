// The probing itself. Set-up flags are dropped one at a time, newest first, until the kernel takes the rest.
#include "ring/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "ring/kernel_abi.h"
#include "ring/refusal.h"

namespace holdfast::ring {
namespace {

// Operations we cannot do without; all are older than 6.1.
struct Required {
  std::uint8_t operation;
  const char* name;
};
constexpr Required kRequired[] = {
    {IORING_OP_POLL_ADD, "POLL_ADD"}, {IORING_OP_ACCEPT, "ACCEPT"}, {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    {IORING_OP_CLOSE, "CLOSE"},       {IORING_OP_SEND, "SEND"},     {IORING_OP_RECV, "RECV"},
    {IORING_OP_MSG_RING, "MSG_RING"},
};
constexpr std::uint32_t kRequiredFeatures =
    IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;

// Tries to set a ring up; when the kernel finds a flag invalid, drops the newest droppable one and tries
// again.
int set_up_with_fewest_drops(std::uint32_t submission_entries, std::uint32_t completion_entries,
                             const Withheld& withheld, io_uring* ring, io_uring_params* params) {
  constexpr std::uint32_t kAlways = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
  constexpr std::uint32_t kCooperative = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  std::uint32_t flags = kAlways;
  if (!withheld.submit_all) flags |= IORING_SETUP_SUBMIT_ALL;
  if (!withheld.single_issuer) flags |= IORING_SETUP_SINGLE_ISSUER;
  // DEFER_TASKRUN is only allowed together with SINGLE_ISSUER.
  flags |= withheld.defer_taskrun || withheld.single_issuer ? kCooperative : IORING_SETUP_DEFER_TASKRUN;
  for (;;) {
    *params = {};
    params->flags = flags;
    params->cq_entries = completion_entries;
    const int result = io_uring_queue_init_params(submission_entries, ring, params);
    if (result != -EINVAL) return result;
    if ((flags & IORING_SETUP_DEFER_TASKRUN) != 0) {
      flags = (flags & ~IORING_SETUP_DEFER_TASKRUN) | kCooperative;
    } else if ((flags & IORING_SETUP_SINGLE_ISSUER) != 0) {
      flags &= ~IORING_SETUP_SINGLE_ISSUER;
    } else if ((flags & kCooperative) != 0) {
      flags &= ~kCooperative;
    } else if ((flags & IORING_SETUP_SUBMIT_ALL) != 0) {
      flags &= ~IORING_SETUP_SUBMIT_ALL;
    } else {
      return result;
    }
  }
}

// The names of required features and operations the ring lacks; empty when it has all.
std::string missing_requirements(io_uring* ring, std::uint32_t features) {
  if ((features & kRequiredFeatures) != kRequiredFeatures)
    return "the features SINGLE_MMAP, NODROP, EXT_ARG and CQE_SKIP";
  constexpr unsigned kOperations = 256;
  alignas(io_uring_probe)
      std::array<std::byte, sizeof(io_uring_probe) + kOperations * sizeof(io_uring_probe_op)>
          storage{};
  if (io_uring_register(static_cast<unsigned>(ring->ring_fd), IORING_REGISTER_PROBE, storage.data(),
                        kOperations) < 0) {
    return "the operation probe";
  }
  io_uring_probe header;
  std::memcpy(&header, storage.data(), sizeof header);
  std::string missing;
  for (const Required& required : kRequired) {
    io_uring_probe_op operation{};
    if (required.operation < header.ops_len) {
      std::memcpy(&operation, storage.data() + sizeof header + required.operation * sizeof operation,
                  sizeof operation);
    }
    if ((operation.flags & IO_URING_OP_SUPPORTED) == 0)
      missing += (missing.empty() ? "" : ", ") + std::string(required.name);
  }
  return missing.empty() ? missing : "the operation " + missing;
}

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "(unknown)";
}

// Submits what was prepared and returns the result of its one completion. The commands tried here never wait.
int result_of_one(io_uring* ring) {
  const int submitted = io_uring_submit_and_wait(ring, 1);
  if (submitted < 0) return submitted;
  io_uring_cqe* completion = nullptr;
  const int found = io_uring_peek_cqe(ring, &completion);
  if (found < 0) return found;
  const int result = completion->res;
  io_uring_cqe_seen(ring, completion);
  return result;
}

int try_socket_option(io_uring* ring, std::uint32_t command, int descriptor, std::uint32_t option,
                      void* value, std::uint32_t value_bytes) {
  io_uring_sqe* entry = io_uring_get_sqe(ring);
  CHECK(entry != nullptr);
  prepare_socket_option(entry, command, descriptor, option, reinterpret_cast<std::uintptr_t>(value),
                        value_bytes);
  return result_of_one(ring);
}

// Tries SO_PEERNAME and SO_LINGER on a UDP socket: connecting one sets a peer and sends nothing, and unlike a
// Unix socket it has the ioctl entry that 6.7 to 6.13 want to see before they look at any command.
void try_on(io_uring* ring, int descriptor, Features* features) {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(9);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr storage{};
  std::memcpy(&storage, &peer, sizeof peer);
  static_assert(sizeof storage == sizeof peer);
  if (connect(descriptor, &storage, sizeof storage) == 0) {
    sockaddr_in found{};
    const int result =
        try_socket_option(ring, kSocketGetOption, descriptor, kOptionPeerName, &found, sizeof found);
    features->peer_address = result >= 0 && found.sin_family == peer.sin_family &&
                             found.sin_port == peer.sin_port && found.sin_addr.s_addr == peer.sin_addr.s_addr;
  }
  linger reset{1, 0};
  if (try_socket_option(ring, kSocketSetOption, descriptor, SO_LINGER, &reset, sizeof reset) == 0) {
    linger set{};
    socklen_t length = sizeof set;
    features->reset_on_close =
        getsockopt(descriptor, SOL_SOCKET, SO_LINGER, &set, &length) == 0 && set.l_onoff == 1;
  }
}

}  // namespace

void prepare_socket_option(io_uring_sqe* entry, std::uint32_t command, int descriptor, std::uint32_t option,
                           std::uint64_t value, std::uint32_t value_bytes) {
  io_uring_prep_rw(IORING_OP_URING_CMD, entry, descriptor, nullptr, 0, 0);
  entry->cmd_op = command;
  entry->addr = static_cast<std::uint64_t>(SOL_SOCKET) | static_cast<std::uint64_t>(option) << 32;
  entry->file_index = value_bytes;
  entry->addr3 = value;
}

absl::Status set_up(std::uint32_t submission_entries, std::uint32_t completion_entries,
                    const Withheld& withheld, io_uring* ring, Features* features) {
  CHECK(submission_entries > 0 && completion_entries >= submission_entries);
  io_uring_params params{};
  const int result =
      set_up_with_fewest_drops(submission_entries, completion_entries, withheld, ring, &params);
  if (result < 0) {
    const Attempt attempt{.step = Attempt::Step::set_up,
                          .ring_bytes = ring_bytes(submission_entries, completion_entries)};
    return explain_refusal(-result, attempt, read_readings());
  }
  if (std::string missing = missing_requirements(ring, params.features); !missing.empty()) {
    io_uring_queue_exit(ring);
    return explain_refusal(EINVAL, {.step = Attempt::Step::require, .missing = missing}, read_readings());
  }
  features->release = kernel_release();
  features->single_issuer = (params.flags & IORING_SETUP_SINGLE_ISSUER) != 0;
  features->defer_taskrun = (params.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
  features->coop_taskrun = (params.flags & IORING_SETUP_COOP_TASKRUN) != 0;
  features->submit_all = (params.flags & IORING_SETUP_SUBMIT_ALL) != 0;
  features->minimum_wait = (params.features & kFeatureMinimumWait) != 0 && !withheld.minimum_wait;
  features->no_iowait = (params.features & kFeatureNoIowait) != 0 && !withheld.no_iowait;
  return absl::OkStatus();
}

void try_operations(const Withheld& withheld, Features* features) {
  io_uring ring{};
  if (io_uring_queue_init(2, &ring, 0) < 0) return;
  if (!withheld.registered_ring && io_uring_register_ring_fd(&ring) == 1) features->registered_ring = true;
  const int descriptor = withheld.socket_options ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor >= 0) {
    try_on(&ring, descriptor, features);
    ::close(descriptor);
  }
  io_uring_queue_exit(&ring);
}

std::string Features::describe() const {
  // "6.18.44-amd64" is shortened to what features depend on.
  const std::size_t first = release.find('.');
  const std::size_t end =
      first == std::string::npos ? first : release.find_first_not_of("0123456789", first + 1);
  std::string found = "io_uring on Linux " + release.substr(0, end) + ":";
  std::string missing;
  const auto name = [&](bool present, const char* text) {
    (present ? found : missing).append(" ").append(text);
  };
  name(single_issuer, "single_issuer");
  name(defer_taskrun, "defer_taskrun");
  if (coop_taskrun) found += " coop_taskrun";  // only ever there in place of defer_taskrun, so never missed
  name(submit_all, "submit_all");
  name(minimum_wait, "min_wait");
  name(no_iowait, "no_iowait");
  name(peer_address, "peer_address");
  name(reset_on_close, "reset_on_close");
  name(registered_ring, "registered_ring");
  return missing.empty() ? found : found + "; without:" + missing;
}

}  // namespace holdfast::ring
