// Outbox: push, choose what one SEND carries, take back what has left.
#include "net/outbox.h"

#include <algorithm>
#include <cstring>

namespace holdfast::net {

using memory::Index;
using memory::kNoIndex;

Outbox::Outbox(memory::Pool<OutboxNode> nodes, memory::FramePool* frames)
    : nodes_(nodes), frames_(frames), gather_(std::make_unique_for_overwrite<std::byte[]>(kGatherBytes)) {}

bool Outbox::push(Slot& slot, Index frame) {
  const Index node = nodes_.claim();
  if (node == kNoIndex) return false;
  nodes_[node] = OutboxNode{frame, kNoIndex, 0};
  frames_->retain(frame);
  if (slot.outbox_head == kNoIndex) {
    CHECK(slot.outbox_bytes == 0);
    CHECK(slot.outbox_sent == 0);
    slot.outbox_head = node;
  } else {
    OutboxNode& tail = nodes_[slot.outbox_tail];
    tail.next = node;
    nodes_[node].number = tail.number + 1;
  }
  slot.outbox_tail = node;
  const std::size_t bytes = frames_->bytes(frame).size();
  slot.outbox_bytes += static_cast<std::uint32_t>(bytes);
  bytes_queued_ += bytes;
  return true;
}

std::uint32_t Outbox::frames(const Slot& slot) const {
  if (slot.outbox_head == kNoIndex) return 0;
  return nodes_[slot.outbox_tail].number - nodes_[slot.outbox_head].number + 1;
}

std::span<const std::byte> Outbox::next_send(Slot& slot) {
  CHECK(!slot.in_kernel(kSending));
  CHECK(!slot.is(kSendGathered));
  CHECK(slot.outbox_head != kNoIndex);
  const OutboxNode& head = nodes_[slot.outbox_head];
  std::span<const std::byte> rest = frames_->bytes(head.frame).subspan(slot.outbox_sent);
  if (head.next == kNoIndex || rest.size() > kGatherFrameMaximumBytes) return rest;
  return gather(slot);
}

std::span<const std::byte> Outbox::gather(Slot& slot) {
  if (gathered_in_flight_ == 0) gather_used_ = 0;
  if (kGatherBytes - gather_used_ < kGatherSendMaximumBytes) return {};
  std::byte* const start = gather_.get() + gather_used_;
  std::size_t length = 0;
  std::size_t skip = slot.outbox_sent;
  for (Index node = slot.outbox_head; node != kNoIndex; node = nodes_[node].next) {
    std::span<const std::byte> rest = frames_->bytes(nodes_[node].frame).subspan(skip);
    skip = 0;
    if (rest.size() > kGatherFrameMaximumBytes || length + rest.size() > kGatherSendMaximumBytes) break;
    std::memcpy(start + length, rest.data(), rest.size());
    length += rest.size();
  }
  CHECK(length > 0);
  gather_used_ += length;
  ++gathered_in_flight_;
  slot.set(kSendGathered);
  return {start, length};
}

void Outbox::sent(Slot& slot, std::size_t bytes) {
  CHECK(!slot.in_kernel(kSending));
  CHECK(bytes <= slot.outbox_bytes);
  if (slot.is(kSendGathered)) {
    CHECK(gathered_in_flight_ > 0);
    slot.clear(kSendGathered);
    --gathered_in_flight_;
  }
  slot.outbox_bytes -= static_cast<std::uint32_t>(bytes);
  bytes_queued_ -= bytes;
  while (bytes > 0) {
    const std::size_t rest = frames_->bytes(nodes_[slot.outbox_head].frame).size() - slot.outbox_sent;
    if (bytes < rest) {
      slot.outbox_sent += static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= rest;
    pop(slot);
  }
}

void Outbox::pop(Slot& slot) {
  const Index node = slot.outbox_head;
  const OutboxNode popped = nodes_[node];
  frames_->release(popped.frame);
  nodes_.release(node);
  slot.outbox_head = popped.next;
  slot.outbox_sent = 0;
  if (popped.next == kNoIndex) slot.outbox_tail = kNoIndex;
}

// Recounted, not remembered: what has been queued since can only make it more.
std::uint32_t Outbox::frames_of_next_send(const Slot& slot) {
  std::uint32_t frames = 0;
  std::size_t length = 0;
  std::size_t skip = slot.outbox_sent;
  for (Index node = slot.outbox_head; node != kNoIndex; node = nodes_[node].next) {
    const std::size_t rest = frames_->bytes(nodes_[node].frame).size() - skip;
    skip = 0;
    if (rest > kGatherFrameMaximumBytes || length + rest > kGatherSendMaximumBytes) break;
    length += rest;
    ++frames;
  }
  return std::max(frames, 1u);
}

void Outbox::truncate(Slot& slot) {
  if (slot.outbox_head == kNoIndex) return;
  std::uint32_t kept = slot.outbox_sent > 0 ? 1 : 0;
  if (slot.in_kernel(kSending)) kept = frames_of_next_send(slot);
  Index last = kNoIndex;
  Index node = slot.outbox_head;
  for (; node != kNoIndex && kept > 0; --kept) {
    last = node;
    node = nodes_[node].next;
  }
  slot.outbox_tail = last;
  (last == kNoIndex ? slot.outbox_head : nodes_[last].next) = kNoIndex;
  while (node != kNoIndex) {
    const OutboxNode dropped = nodes_[node];
    const std::size_t bytes = frames_->bytes(dropped.frame).size();
    slot.outbox_bytes -= static_cast<std::uint32_t>(bytes);
    bytes_queued_ -= bytes;
    frames_->release(dropped.frame);
    nodes_.release(node);
    node = dropped.next;
  }
}

void Outbox::clear(Slot& slot) {
  CHECK(!slot.in_kernel(kSending));
  CHECK(!slot.is(kSendGathered));
  bytes_queued_ -= slot.outbox_bytes;
  slot.outbox_bytes = 0;
  while (slot.outbox_head != kNoIndex) pop(slot);
}

}  // namespace holdfast::net
