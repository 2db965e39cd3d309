// What wslay checks and what it does not, found by experiment and held by tests: it refuses long or
// fragmented control frames, non-minimal lengths and 2^63; it accepts unmasked frames, reserved bits and
// unknown opcodes. The Reader refuses those before wslay sees them, and all of them at the first byte, where
// wslay waits for the whole header.
#include "ws/context_pool.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace holdfast::ws {

using memory::Index;
using memory::kNoIndex;

ContextPool::ContextPool(std::uint32_t capacity)
    : entries_(std::make_unique_for_overwrite<Entry[]>(capacity)), capacity_(capacity) {
  CHECK(capacity > 0);
  CHECK(capacity < kNoIndex);
}

ContextPool::~ContextPool() {
  for (Index context = 0; context < fresh_; ++context) {
    if (entries_[context].wslay != nullptr) wslay_frame_context_free(entries_[context].wslay);
  }
}

ContextPool::Entry& ContextPool::entry(Index context) const {
  CHECK(context < fresh_);
  return entries_[context];
}

ssize_t ContextPool::take_fed(std::uint8_t* into, std::size_t capacity, int, void* argument) {
  Entry& from = *static_cast<Entry*>(argument);
  const std::size_t count = std::min(capacity, from.fed_bytes);
  if (count == 0) return -1;  // wslay then answers WSLAY_ERR_WANT_READ
  std::memcpy(into, from.fed, count);
  from.fed += count;
  from.fed_bytes -= count;
  return static_cast<ssize_t>(count);
}

Index ContextPool::claim() {
  Index context = free_head_;
  if (context == kNoIndex) {
    if (fresh_ == capacity_) {
      ++refusals_;
      return kNoIndex;
    }
    context = fresh_++;
    entries_[context] = Entry{};
  } else {
    free_head_ = entries_[context].next_free;
  }
  Entry& claimed = entries_[context];
  ++lent_;
  if (claimed.wslay == nullptr) {
    wslay_frame_callbacks callbacks{};
    callbacks.recv_callback = &ContextPool::take_fed;
    if (wslay_frame_context_init(&claimed.wslay, &callbacks, &claimed) != 0) {
      claimed.wslay = nullptr;
      release(context, true);
      ++refusals_;
      return kNoIndex;
    }
    ++made_;
  }
  return context;
}

void ContextPool::release(Index context, bool at_frame_boundary) {
  Entry& released = entry(context);
  CHECK(lent_ > 0);
  if (!at_frame_boundary) {
    wslay_frame_context_free(released.wslay);
    released.wslay = nullptr;
  }
  released.fed = nullptr;
  released.fed_bytes = 0;
  released.control_length = 0;
  released.next_free = free_head_;
  free_head_ = context;
  --lent_;
}

void ContextPool::feed(Index context, std::span<const std::byte> bytes) {
  Entry& fed = entry(context);
  CHECK(fed.fed_bytes == 0);
  fed.fed = bytes.data();
  fed.fed_bytes = bytes.size();
}

ContextPool::Outcome ContextPool::next(Index context, Chunk& chunk) {
  wslay_frame_iocb from_wslay{};
  const ssize_t received = wslay_frame_recv(entry(context).wslay, &from_wslay);
  if (received == WSLAY_ERR_WANT_READ && entry(context).fed_bytes == 0) return Outcome::hungry;
  if (received < 0) return Outcome::refused;
  CHECK(static_cast<std::size_t>(received) == from_wslay.data_length);
  chunk = Chunk{.final = from_wslay.fin != 0,
                .masked = from_wslay.mask != 0,
                .reserved_bits = from_wslay.rsv,
                .opcode = from_wslay.opcode,
                .payload_bytes = from_wslay.payload_length,
                .payload = std::as_bytes(std::span(from_wslay.data, from_wslay.data_length))};
  return Outcome::chunk;
}

void ContextPool::append_control(Index context, std::span<const std::byte> payload) {
  Entry& into = entry(context);
  CHECK(payload.size() <= kControlPayloadMaximumBytes - into.control_length);
  std::copy(payload.begin(), payload.end(), into.control + into.control_length);
  into.control_length = static_cast<std::uint8_t>(into.control_length + payload.size());
}

std::span<const std::byte> ContextPool::control(Index context) const {
  const Entry& from = entry(context);
  return std::span(from.control, from.control_length);
}

}  // namespace holdfast::ws
