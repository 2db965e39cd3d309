// Publication: one message of a channel, in one allocation, shared by history, letters and replies.
//
// Made by the shard that takes it in, numbered once by the channel's home (rule R13) while nobody else refers
// to it, unchangeable from then on. References are counted atomically and may die on any thread. Its memory
// is charged to a PublicationBudget before it is allocated (rule R9) and uncharged with the last reference.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "gateway/member.h"
#include "gateway/position.h"

namespace holdfast::gateway {

// The bound `publication_memory_bytes`, for all shards together. Any thread. Outlives every publication
// charged to it.
class PublicationBudget {
 public:
  explicit PublicationBudget(std::uint64_t bound_bytes) : bound_bytes_(bound_bytes) {}
  ~PublicationBudget() { CHECK(used_bytes() == 0); }
  PublicationBudget(const PublicationBudget&) = delete;
  PublicationBudget& operator=(const PublicationBudget&) = delete;

  // False, and counted, when the bound would be passed.
  bool charge(std::uint64_t bytes);
  void uncharge(std::uint64_t bytes);
  // What is charged already stays charged, even beyond a lowered bound.
  void set_bound(std::uint64_t bytes) { bound_bytes_.store(bytes, std::memory_order_relaxed); }

  std::uint64_t bound_bytes() const { return bound_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> used_bytes_ = 0;
  std::atomic<std::uint64_t> bound_bytes_;
  std::atomic<std::uint64_t> refusals_ = 0;
};

struct Tag {
  std::string_view key;
  std::string_view value;
};

// What a publication is made of; everything is copied.
struct PublicationContent {
  std::string_view payload;
  const Member* publisher = nullptr;  // only publications of clients have one
  std::span<const Tag> tags;
  bool delta = false;  // the publisher asks for deltas, whatever the namespace says
  bool json = false;   // the payload is known to be JSON, so that JSON clients may have it
};

class Publication;

// Owns one reference; empty when default-made or moved from.
class PublicationReference {
 public:
  PublicationReference() = default;
  PublicationReference(const PublicationReference& other);
  PublicationReference(PublicationReference&& other) noexcept
      : publication_(std::exchange(other.publication_, nullptr)) {}
  PublicationReference& operator=(PublicationReference other) noexcept {
    std::swap(publication_, other.publication_);
    return *this;
  }
  ~PublicationReference() { reset(); }
  void reset();

  explicit operator bool() const { return publication_ != nullptr; }
  const Publication& operator*() const { return *publication_; }
  const Publication* operator->() const { return publication_; }
  friend bool operator==(const PublicationReference&, const PublicationReference&) = default;

 private:
  friend class Publication;
  explicit PublicationReference(Publication* adopted) : publication_(adopted) {}

  Publication* publication_ = nullptr;
};

class Publication {
 public:
  // Empty when the budget or the allocator refuses, or a part is longer than its length field: 4 GiB for
  // payload, conn_info, chan_info and all tags together, 64 KiB for the user, 255 bytes for the client.
  static PublicationReference make(PublicationBudget& budget, const PublicationContent& content);

  // Numbers it. Once, by the home, through the only reference there is. Offset 0: outside any history.
  static void number(PublicationReference& draft, Position position, std::int64_t time_ms,
                     std::uint32_t expires_tick);

  std::uint64_t offset() const { return offset_; }
  const Epoch& epoch() const { return epoch_; }
  Position position() const { return {offset_, epoch_}; }
  std::int64_t time_ms() const { return time_ms_; }
  // In the ticks of the home: when its history lets go of it.
  std::uint32_t expires_tick() const { return expires_tick_; }

  std::string_view payload() const { return {bytes(), payload_bytes_}; }
  bool has_publisher() const { return (flags_ & kHasPublisher) != 0; }
  Member publisher() const;
  bool delta() const { return (flags_ & kDelta) != 0; }
  bool json() const { return (flags_ & kJson) != 0; }
  bool has_tags() const { return tags_bytes_ > 0; }
  // Calls visit(Tag) in the order given to make().
  template <class Visit>
  void for_each_tag(Visit visit) const {
    std::size_t place = tags_start();
    const std::size_t end = place + tags_bytes_;
    while (place < end) {
      const std::string_view key = read_part(place);
      const std::string_view value = read_part(place);
      visit(Tag{key, value});
    }
  }

  // What the budget was charged.
  std::uint64_t charged_bytes() const { return charge_of(content_bytes()); }
  static std::uint64_t charge_of(std::uint64_t content_bytes);

 private:
  friend class PublicationReference;
  static constexpr std::uint8_t kHasPublisher = 1;
  static constexpr std::uint8_t kDelta = 2;
  static constexpr std::uint8_t kNumbered = 4;
  static constexpr std::uint8_t kJson = 8;

  Publication() = default;
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::size_t tags_start() const {
    return std::size_t{payload_bytes_} + user_bytes_ + client_bytes_ + conn_info_bytes_ + chan_info_bytes_;
  }
  std::uint64_t content_bytes() const { return tags_start() + tags_bytes_; }
  std::string_view read_part(std::size_t& place) const;
  void write(const PublicationContent& content);
  void release();

  std::atomic<std::uint32_t> references_ = 1;
  std::uint32_t payload_bytes_ = 0;
  std::uint64_t offset_ = 0;
  Epoch epoch_;
  std::int64_t time_ms_ = 0;
  PublicationBudget* budget_ = nullptr;
  std::uint32_t expires_tick_ = 0;
  std::uint32_t conn_info_bytes_ = 0;
  std::uint32_t chan_info_bytes_ = 0;
  std::uint32_t tags_bytes_ = 0;
  std::uint16_t user_bytes_ = 0;
  std::uint8_t client_bytes_ = 0;
  std::uint8_t flags_ = 0;
  // The parts follow: payload, user, client, conn_info, chan_info, then each tag as two u32 lengths and
  // texts.
};
static_assert(sizeof(Publication) == 64);

inline PublicationReference::PublicationReference(const PublicationReference& other)
    : publication_(other.publication_) {
  // Relaxed is enough: whoever copies a reference already has one.
  if (publication_ != nullptr) publication_->references_.fetch_add(1, std::memory_order_relaxed);
}

inline void PublicationReference::reset() {
  if (Publication* publication = std::exchange(publication_, nullptr); publication != nullptr) {
    publication->release();
  }
}

}  // namespace holdfast::gateway
