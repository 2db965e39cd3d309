// FramePool: a 16-byte header in front of the payload in one block of the arena, so payloads start 16-byte
// aligned and a frame costs one claim.
#include "memory/frame.h"

#include <limits>

#include "base/check.h"

namespace holdfast::memory {
namespace {

constexpr std::uint32_t kAlive = 0x66726d65u;
constexpr std::uint32_t kReleased = 0xddddddddu;

}  // namespace

Index FramePool::claim(std::size_t bytes) {
  static_assert(sizeof(Header) == 16);
  CHECK(bytes > 0 && bytes <= std::numeric_limits<std::uint32_t>::max() - sizeof(Header));
  // More than the whole region can never be given; the arena takes such a request for a bug.
  if (bytes + sizeof(Header) > arena_->region_bytes()) return kNoIndex;
  const Index frame = arena_->claim(bytes + sizeof(Header));
  if (frame == kNoIndex) return kNoIndex;
  Header& claimed = *reinterpret_cast<Header*>(arena_->at(frame));
  claimed = Header{.references = 1, .bytes = static_cast<std::uint32_t>(bytes), .poison = kAlive, .spare = 0};
  ++live_;
  return frame;
}

void FramePool::retain(Index frame) {
  Header& shared = header(frame);
  CHECK(shared.references < std::numeric_limits<std::uint32_t>::max());
  ++shared.references;
}

void FramePool::release(Index frame) {
  Header& released = header(frame);
  CHECK(released.references > 0);
  if (--released.references > 0) return;
  released.poison = kReleased;
  CHECK(live_ > 0);
  --live_;
  arena_->release(frame);
}

std::span<std::byte> FramePool::bytes(Index frame) {
  const Header& read = header(frame);
  return {arena_->at(frame) + sizeof(Header), read.bytes};
}

std::uint32_t FramePool::references(Index frame) const {
  return header(frame).references;
}

FramePool::Header& FramePool::header(Index frame) const {
  CHECK(static_cast<std::size_t>(frame) * BlockArena::kUnitBytes < arena_->region_bytes());
  Header& found = *reinterpret_cast<Header*>(arena_->at(frame));
  CHECK(found.poison == kAlive);
  return found;
}

}  // namespace holdfast::memory
