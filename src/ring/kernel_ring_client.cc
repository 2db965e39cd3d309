// The operations of a client: sockets opened straight into the file table, bound and connected there. Used by
// programs that drive a KernelRing themselves (perf/swarm); a shard only accepts.
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "ring/kernel_abi.h"
#include "ring/kernel_ring.h"

namespace holdfast::ring {

// Non-blocking, or connect would occupy a worker thread of the kernel until it is done.
void KernelRing::open_socket(memory::Index slot, int family, Tag tag) {
  io_uring_sqe* entry = next_on_slot(slot);
  io_uring_prep_socket_direct(entry, family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP, slot, 0);
  finish(entry, tag, 0);
  ++inline_queued_;
}

void KernelRing::connect(memory::Index slot, const SocketAddress* address, Tag tag) {
  CHECK(address->length == sizeof(sockaddr_in) || address->length == sizeof(sockaddr_in6));
  io_uring_sqe* entry = next_on_slot(slot);
  io_uring_prep_rw(IORING_OP_CONNECT, entry, static_cast<int>(slot), address->bytes, 0, address->length);
  finish(entry, tag, IOSQE_FIXED_FILE);
}

void KernelRing::set_option(memory::Index slot, std::uint32_t level, std::uint32_t option,
                            std::span<const std::byte> value, Tag tag) {
  io_uring_sqe* entry = next_on_slot(slot);
  prepare_socket_option(entry, kSocketSetOption, static_cast<int>(slot), option,
                        reinterpret_cast<std::uintptr_t>(value.data()),
                        static_cast<std::uint32_t>(value.size()));
  entry->addr = level | std::uint64_t{option} << 32;
  finish(entry, tag, IOSQE_FIXED_FILE);
  ++inline_queued_;
}

void KernelRing::bind_source(memory::Index slot, const SocketAddress* address, Tag option, Tag tag) {
  static constexpr int kOn = 1;
  CHECK(address->length == sizeof(sockaddr_in) || address->length == sizeof(sockaddr_in6));
  set_option(slot, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, std::as_bytes(std::span(&kOn, 1)), option);
  io_uring_sqe* entry = next_on_slot(slot);
  io_uring_prep_rw(kOperationBind, entry, static_cast<int>(slot), address->bytes, 0, address->length);
  finish(entry, tag, IOSQE_FIXED_FILE);
  ++inline_queued_;
}

bool KernelRing::can_bind() const {
  constexpr unsigned kOperations = kOperationBind + 1;
  alignas(io_uring_probe)
      std::array<std::byte, sizeof(io_uring_probe) + kOperations * sizeof(io_uring_probe_op)>
          storage{};
  if (io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_PROBE, storage.data(),
                        kOperations) < 0) {
    return false;
  }
  io_uring_probe_op operation{};
  std::memcpy(&operation, storage.data() + sizeof(io_uring_probe) + kOperationBind * sizeof operation,
              sizeof operation);
  return operation.op == kOperationBind && (operation.flags & IO_URING_OP_SUPPORTED) != 0;
}

}  // namespace holdfast::ring
