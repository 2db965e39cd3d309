// ContextPool: the wslay contexts of a shard, lent to connections for one frame each: a fragment or a
// control frame that spans reads.
//
// A context is about 4 KiB that wslay allocates. It is made when it is first needed, up to a bound, and then
// kept for ever, so steady traffic allocates nothing. One given back in the middle of a frame cannot be used
// again (wslay has no reset): it is freed, and its place gets a new one when it is next lent; a connection
// must end mid-frame to cause that, so it happens at most once per connection. One thread. Invariant: every
// context that is not lent is at a frame boundary.
#pragma once

#include <wslay/wslay.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "memory/index.h"
#include "ws/frame.h"

namespace holdfast::ws {

class ContextPool {
 public:
  // What wslay says: payload, unmasked, of the frame under way (nothing for an empty frame).
  struct Chunk {
    bool final;
    bool masked;
    std::uint8_t reserved_bits;
    std::uint8_t opcode;
    std::uint64_t payload_bytes;         // of the whole frame
    std::span<const std::byte> payload;  // valid until the next call for this context
  };
  enum class Outcome { chunk, hungry, refused };

  explicit ContextPool(std::uint32_t capacity);
  ~ContextPool();
  ContextPool(const ContextPool&) = delete;
  ContextPool& operator=(const ContextPool&) = delete;

  // kNoIndex at the bound, or when wslay gets no memory; counted in refusals().
  memory::Index claim();
  void release(memory::Index context, bool at_frame_boundary);

  // Hands wslay bytes of one frame, never beyond its end.
  // next() until hungry; the bytes must stay until then.
  void feed(memory::Index context, std::span<const std::byte> bytes);
  Outcome next(memory::Index context, Chunk& chunk);

  // Room for the payload of a control frame that comes in
  // pieces, which must not mix with the message around it.
  void append_control(memory::Index context, std::span<const std::byte> payload);
  std::span<const std::byte> control(memory::Index context) const;

  std::uint32_t lent() const { return lent_; }
  std::uint64_t refusals() const { return refusals_; }
  std::uint64_t made() const { return made_; }  // contexts allocated since the start

 private:
  struct Entry {
    wslay_frame_context_ptr wslay;  // nullptr: to be made when next lent
    const std::byte* fed;           // what wslay has not taken yet
    std::size_t fed_bytes;
    memory::Index next_free;
    std::uint8_t control_length;
    std::byte control[kControlPayloadMaximumBytes];
  };
  static ssize_t take_fed(std::uint8_t* into, std::size_t capacity, int flags, void* entry);
  Entry& entry(memory::Index context) const;

  std::unique_ptr<Entry[]> entries_;  // left untouched until first lent
  std::uint32_t capacity_;
  std::uint32_t fresh_ = 0;  // first entry never lent
  memory::Index free_head_ = memory::kNoIndex;
  std::uint32_t lent_ = 0;
  std::uint64_t refusals_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace holdfast::ws
