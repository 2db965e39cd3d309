// Publication: how its parts lie behind it, and how its memory is charged, made and given back.
#include "gateway/publication.h"

#include <cstring>
#include <limits>
#include <new>

namespace holdfast::gateway {
namespace {

// The allocator's headers, and a history with the smallest ring, which the first publication of a channel
// brings with it (measured: 80 bytes); later ones take less.
constexpr std::uint64_t kOverheadBytes = 96;
constexpr std::uint64_t kU32Maximum = std::numeric_limits<std::uint32_t>::max();

std::uint64_t tags_bytes(std::span<const Tag> tags) {
  std::uint64_t sum = 0;
  for (const Tag& tag : tags) sum += 2 * sizeof(std::uint32_t) + tag.key.size() + tag.value.size();
  return sum;
}

void append(char*& place, std::string_view text) {
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  place += text.size();
}

void append_with_length(char*& place, std::string_view text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  std::memcpy(place, &length, sizeof length);
  place += sizeof length;
  append(place, text);
}

bool fits(const PublicationContent& content) {
  if (content.payload.size() > kU32Maximum || tags_bytes(content.tags) > kU32Maximum) return false;
  if (content.publisher == nullptr) return true;
  const Member& publisher = *content.publisher;
  return publisher.user.size() <= std::numeric_limits<std::uint16_t>::max() &&
         publisher.client.size() <= std::numeric_limits<std::uint8_t>::max() &&
         publisher.conn_info.size() <= kU32Maximum && publisher.chan_info.size() <= kU32Maximum;
}

}  // namespace

bool PublicationBudget::charge(std::uint64_t bytes) {
  const std::uint64_t before = used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= bound_bytes()) return true;
  used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  refusals_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void PublicationBudget::uncharge(std::uint64_t bytes) {
  const std::uint64_t before = used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  CHECK(before >= bytes);
}

std::uint64_t Publication::charge_of(std::uint64_t content_bytes) {
  return sizeof(Publication) + (content_bytes + 15) / 16 * 16 + kOverheadBytes;
}

PublicationReference Publication::make(PublicationBudget& budget, const PublicationContent& content) {
  if (!fits(content)) return {};
  const Member nobody;
  const Member& publisher = content.publisher != nullptr ? *content.publisher : nobody;
  const std::uint64_t content_bytes = content.payload.size() + publisher.user.size() +
                                      publisher.client.size() + publisher.conn_info.size() +
                                      publisher.chan_info.size() + tags_bytes(content.tags);
  const std::uint64_t charge = charge_of(content_bytes);
  if (!budget.charge(charge)) return {};
  void* memory = ::operator new(sizeof(Publication) + content_bytes, std::nothrow);
  if (memory == nullptr) {
    budget.uncharge(charge);
    return {};
  }
  auto* publication = new (memory) Publication;
  publication->budget_ = &budget;
  publication->write(content);
  CHECK(publication->charged_bytes() == charge);
  return PublicationReference(publication);
}

void Publication::write(const PublicationContent& content) {
  char* place = bytes();
  payload_bytes_ = static_cast<std::uint32_t>(content.payload.size());
  append(place, content.payload);
  if (content.delta) flags_ |= kDelta;
  if (content.json) flags_ |= kJson;
  if (content.publisher != nullptr) {
    flags_ |= kHasPublisher;
    user_bytes_ = static_cast<std::uint16_t>(content.publisher->user.size());
    client_bytes_ = static_cast<std::uint8_t>(content.publisher->client.size());
    conn_info_bytes_ = static_cast<std::uint32_t>(content.publisher->conn_info.size());
    chan_info_bytes_ = static_cast<std::uint32_t>(content.publisher->chan_info.size());
    append(place, content.publisher->user);
    append(place, content.publisher->client);
    append(place, content.publisher->conn_info);
    append(place, content.publisher->chan_info);
  }
  tags_bytes_ = static_cast<std::uint32_t>(tags_bytes(content.tags));
  for (const Tag& tag : content.tags) {
    append_with_length(place, tag.key);
    append_with_length(place, tag.value);
  }
  CHECK(place == bytes() + content_bytes());
}

void Publication::number(PublicationReference& draft, Position position, std::int64_t time_ms,
                         std::uint32_t expires_tick) {
  Publication* publication = draft.publication_;
  CHECK(publication != nullptr);
  CHECK(publication->references_.load(std::memory_order_relaxed) == 1);
  CHECK((publication->flags_ & kNumbered) == 0);
  CHECK(position.epoch.empty() == (position.offset == 0));
  publication->offset_ = position.offset;
  publication->epoch_ = position.epoch;
  publication->time_ms_ = time_ms;
  publication->expires_tick_ = expires_tick;
  publication->flags_ |= kNumbered;
}

Member Publication::publisher() const {
  const char* user = bytes() + payload_bytes_;
  const char* client = user + user_bytes_;
  const char* conn_info = client + client_bytes_;
  const char* chan_info = conn_info + conn_info_bytes_;
  return {{user, user_bytes_},
          {client, client_bytes_},
          {conn_info, conn_info_bytes_},
          {chan_info, chan_info_bytes_}};
}

std::string_view Publication::read_part(std::size_t& place) const {
  std::uint32_t length;
  std::memcpy(&length, bytes() + place, sizeof length);
  const std::string_view part(bytes() + place + sizeof length, length);
  place += sizeof length + length;
  CHECK(place <= content_bytes());
  return part;
}

void Publication::release() {
  // Acquire and release together: the thread that frees must see what every other did through its reference.
  const std::uint32_t before = references_.fetch_sub(1, std::memory_order_acq_rel);
  CHECK(before > 0);
  if (before > 1) return;
  PublicationBudget* budget = budget_;
  const std::uint64_t charge = charged_bytes();
  this->~Publication();
  ::operator delete(this);
  budget->uncharge(charge);
}

}  // namespace holdfast::gateway
