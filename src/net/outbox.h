// Outbox: what one connection is owed, as a list of references to frames, and its way into one SEND per turn.
//
// Nodes come from a bounded pool of the shard; frames are shared (FramePool). A send takes either the rest of
// one frame straight from its memory, or several small frames copied together into the shard's gather memory:
// one SEND per connection and turn either way (rule R3). Shard thread only. Invariant: outbox_bytes of a slot
// is the sum over its nodes of frame bytes minus outbox_sent; its nodes are numbered without a gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "memory/frame.h"
#include "memory/index.h"
#include "memory/pool.h"
#include "net/slot.h"

namespace holdfast::net {

struct OutboxNode {
  memory::Index frame;
  memory::Index next;
  std::uint32_t number;  // in the order of queueing, so that counting costs a subtraction and no slot a field
};

class Outbox {
 public:
  // Frames up to this size are copied together; a larger one goes out alone from its own memory, because
  // copying it would cost more than a second SEND.
  static constexpr std::size_t kGatherFrameMaximumBytes = 8 * 1024;
  static constexpr std::size_t kGatherSendMaximumBytes = 32 * 1024;
  static constexpr std::size_t kGatherBytes = 512 * 1024;
  static_assert(kGatherSendMaximumBytes >= 2 * kGatherFrameMaximumBytes);

  Outbox() = default;
  Outbox(memory::Pool<OutboxNode> nodes, memory::FramePool* frames);

  // Adds a reference to the frame. False when the node pool is exhausted (nothing changed).
  bool push(Slot& slot, memory::Index frame);

  // Frames queued and not yet taken whole by the kernel.
  std::uint32_t frames(const Slot& slot) const;

  // What to send next. Sets kSendGathered when it lies in gather memory. Empty when gather memory is used up
  // until sends in flight complete.
  std::span<const std::byte> next_send(Slot& slot);
  // The send in flight has completed with `bytes` taken (0 when it failed); releases what has left entirely.
  void sent(Slot& slot, std::size_t bytes);

  // Drops what has not begun to leave. What stays is in flight, or the rest of a frame of which the peer has
  // the beginning: at most what one send carries.
  void truncate(Slot& slot);
  // Drops everything not in flight. The slot must not be sending.
  void clear(Slot& slot);

  std::uint32_t nodes_used() const { return nodes_.used(); }
  std::uint64_t bytes_queued() const { return bytes_queued_; }

 private:
  std::span<const std::byte> gather(Slot& slot);
  std::uint32_t frames_of_next_send(const Slot& slot);
  void pop(Slot& slot);

  memory::Pool<OutboxNode> nodes_;
  memory::FramePool* frames_ = nullptr;
  std::unique_ptr<std::byte[]> gather_;
  std::size_t gather_used_ = 0;
  std::uint32_t gathered_in_flight_ = 0;  // gather memory is reused only when this is 0
  std::uint64_t bytes_queued_ = 0;
};

}  // namespace holdfast::net
