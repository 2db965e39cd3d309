// kernel_abi: the io_uring constants and structures newer than the headers of liburing 2.3, by value.
//
// The kernel never changes a published number, so these may be used on any kernel: one that does not know
// them answers with an error, and the probe (ring/probe.h) finds that out. The version beside each is the
// first kernel that has it.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>

namespace holdfast::ring {

// Bits of io_uring_params.features.
inline constexpr std::uint32_t kFeatureMinimumWait = 1u << 15;  // 6.12: GetEventsArgument.minimum_wait_us
inline constexpr std::uint32_t kFeatureNoIowait = 1u << 17;     // 6.15: kEnterNoIowait

// Flags of io_uring_enter. Without kEnterNoIowait an idle server shows as 100 % iowait.
inline constexpr std::uint32_t kEnterNoIowait = 1u << 7;  // 6.15

// Completions of armed operations that one call which waits for none works out (IO_LOCAL_TW_DEFAULT_MAX); one
// that waits works out as many as it waits for. The rest stays behind without a sign.
inline constexpr std::uint32_t kTaskWorkMaximum = 20;  // 6.13

// Commands of IORING_OP_URING_CMD on a socket, in the low 32 bits of sqe->off. The level is the low half of
// sqe->addr, the option the high half, the option's length is in sqe->file_index and the pointer to its value
// in sqe->addr3.
inline constexpr std::uint32_t kSocketGetOption = 2;  // 6.7, SOL_SOCKET only
inline constexpr std::uint32_t kSocketSetOption = 3;  // 6.7
static_assert(offsetof(io_uring_sqe, addr) == 16);
static_assert(offsetof(io_uring_sqe, file_index) == 44);
static_assert(offsetof(io_uring_sqe, addr3) == 48);

// IORING_OP_BIND: the address in sqe->addr, its length in sqe->off.
inline constexpr std::uint8_t kOperationBind = 56;  // 6.11

// The socket option that getsockopt(2) documents nowhere: the peer's address, as getpeername(2) gives it.
inline constexpr std::uint32_t kOptionPeerName = 28;

// io_uring_getevents_arg, in which 6.12 named the padding.
struct GetEventsArgument {
  std::uint64_t signal_mask = 0;
  std::uint32_t signal_mask_bytes = 0;
  std::uint32_t minimum_wait_us =
      0;                      // 6.12: until then min_complete counts, after it one completion is enough
  std::uint64_t timeout = 0;  // address of a __kernel_timespec
};
static_assert(sizeof(GetEventsArgument) == sizeof(io_uring_getevents_arg));
static_assert(offsetof(GetEventsArgument, minimum_wait_us) == offsetof(io_uring_getevents_arg, pad));
static_assert(offsetof(GetEventsArgument, timeout) == offsetof(io_uring_getevents_arg, ts));

// Fills `entry` with a get or set of a SOL_SOCKET option of `descriptor`; `value` is the address of its
// value.
void prepare_socket_option(io_uring_sqe* entry, std::uint32_t command, int descriptor, std::uint32_t option,
                           std::uint64_t value, std::uint32_t value_bytes);

}  // namespace holdfast::ring
