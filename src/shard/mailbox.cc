// Mailbox: the ring of bytes.
#include "shard/mailbox.h"

#include <algorithm>
#include <cstring>

#include "hub/topic_name.h"

namespace holdfast::shard {
namespace {

constexpr std::size_t kAlignment = 16;
constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Mailbox::Mailbox(std::size_t capacity_bytes)
    : capacity_bytes_(aligned(capacity_bytes)),
      ring_(std::make_unique_for_overwrite<std::byte[]>(capacity_bytes_)) {
  CHECK(capacity_bytes_ >= 4096);
}

std::size_t Mailbox::capacity_for(std::size_t payload_bytes) {
  // Four, so that one being read and the padding at the end of the ring leave room for another.
  return 4 * aligned(sizeof(Record) + hub::kTopicNameMaximumBytes + payload_bytes);
}

std::byte* Mailbox::room_for(std::size_t record_bytes) {
  if (used_ == 0) read_ = write_ = 0;
  if (write_ < read_ || (used_ > 0 && write_ == read_)) {
    return read_ - write_ >= record_bytes ? ring_.get() + write_ : nullptr;
  }
  const std::size_t behind = capacity_bytes_ - write_;
  if (behind >= record_bytes) return ring_.get() + write_;
  if (read_ < record_bytes) return nullptr;
  // Not enough behind, enough in front: the rest of the ring becomes padding. Records are multiples of the
  // alignment and a Record may be larger than what is left, so padding shorter than a Record is known by
  // position alone (see front).
  if (behind >= sizeof(Record)) {
    Record padding{};
    padding.record_bytes = static_cast<std::uint32_t>(behind);
    padding.kind = LetterKind::padding;
    std::memcpy(ring_.get() + write_, &padding, sizeof padding);
  }
  used_ += behind;
  write_ = 0;
  return ring_.get();
}

bool Mailbox::push(const Letter& letter) {
  CHECK(letter.kind != LetterKind::padding);
  CHECK(letter.topic.size() <= hub::kTopicNameMaximumBytes);
  const std::size_t record_bytes = aligned(sizeof(Record) + letter.topic.size() + letter.payload.size());
  if (record_bytes > capacity_bytes_ / 2) return false;
  Record record{};
  record.record_bytes = static_cast<std::uint32_t>(record_bytes);
  record.payload_bytes = static_cast<std::uint32_t>(letter.payload.size());
  record.topic_bytes = static_cast<std::uint8_t>(letter.topic.size());
  record.kind = letter.kind;
  record.message_type = letter.message_type;
  record.first = letter.first;
  record.second = letter.second;

  const std::lock_guard lock(mutex_);
  std::byte* at = room_for(record_bytes);
  if (at == nullptr) return false;
  std::memcpy(at, &record, sizeof record);
  if (!letter.topic.empty()) std::memcpy(at + sizeof record, letter.topic.data(), letter.topic.size());
  if (!letter.payload.empty()) {
    std::memcpy(at + sizeof record + letter.topic.size(), letter.payload.data(), letter.payload.size());
  }
  write_ += record_bytes;
  if (write_ == capacity_bytes_) write_ = 0;
  used_ += record_bytes;
  CHECK(used_ <= capacity_bytes_);
  return true;
}

const Mailbox::Record* Mailbox::front() {
  const std::lock_guard lock(mutex_);
  if (used_ == 0) return nullptr;
  if (capacity_bytes_ - read_ < sizeof(Record)) {
    used_ -= capacity_bytes_ - read_;
    read_ = 0;
    CHECK(used_ > 0);
  }
  return reinterpret_cast<const Record*>(ring_.get() + read_);
}

void Mailbox::drop(const Record* record) {
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = record->record_bytes;
  CHECK(bytes <= used_);
  read_ += bytes;
  if (read_ == capacity_bytes_) read_ = 0;
  used_ -= bytes;
}

Letter Mailbox::open(const Record* record) {
  const auto* content = reinterpret_cast<const std::byte*>(record + 1);
  return Letter{record->kind,
                record->message_type,
                record->first,
                record->second,
                {reinterpret_cast<const char*>(content), record->topic_bytes},
                {content + record->topic_bytes, record->payload_bytes}};
}

bool Mailbox::empty() const {
  const std::lock_guard lock(mutex_);
  return used_ == 0;
}

}  // namespace holdfast::shard
