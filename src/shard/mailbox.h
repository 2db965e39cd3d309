// Mailbox: messages for one shard from other threads, in a bounded ring of bytes.
//
// Many producers, one consumer. A producer copies its message in under a mutex held for one memcpy; the
// consumer reads records in place, without the mutex, and gives the bytes back afterwards. Nothing is
// allocated after construction. When everything has been read the ring starts again at its beginning, so that
// a quiet mailbox touches little memory. Invariant: a record is contiguous; used_ is the sum of the records
// written and not yet given back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "base/check.h"
#include "holdfast/message.h"

namespace holdfast::shard {

enum class LetterKind : std::uint8_t {
  padding = 0,  // skips to the end of the ring
  publish,      // topic, payload: for the topic's home shard
  deliver,      // topic, payload: the home's order, to a shard with subscribers
  interest,     // topic; first = shard, second = an Interest: for the topic's home shard
  forgotten,    // topic: the home has taken the end of an interest; what it delivered before lies before this
  send,         // payload; first = ConnectionId
  close,        // payload = reason; first = ConnectionId, second = code
  task,         // first = a Server::Task*, owned by the letter
};

// Whether a shard has subscribers of a topic.
enum class Interest : std::uint8_t {
  none,  // wants to know when that was taken
  present,
  none_ever,  // it stops: nobody would read an answer
};

// What travels: fixed part, then topic, then payload.
struct Letter {
  LetterKind kind = LetterKind::padding;
  std::uint8_t message_type = 0;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::string_view topic;
  std::span<const std::byte> payload;
};

// A publication on its way to its topic's home. The views must outlive the push.
inline Letter publish_letter(std::string_view topic, const Message& message) {
  Letter letter;
  letter.kind = LetterKind::publish;
  letter.message_type = static_cast<std::uint8_t>(message.type);
  letter.topic = topic;
  letter.payload = message.bytes;
  return letter;
}

class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity_bytes);

  // Any thread. False when there is no room; nothing was written then.
  bool push(const Letter& letter);

  // Consumer only: calls take(letter) for each letter, oldest first, until it returns false (that letter
  // stays and is offered again next time) or the mailbox is empty. Views die with the call. Returns false
  // when take did.
  template <class Take>
  bool drain(Take take) {
    while (true) {
      const Record* record = front();
      if (record == nullptr) return true;
      if (record->kind != LetterKind::padding && !take(open(record))) return false;
      drop(record);
    }
  }

  bool empty() const;
  std::size_t capacity_bytes() const { return capacity_bytes_; }
  // The largest payload that always fits an empty mailbox, however its ring is turned.
  static std::size_t capacity_for(std::size_t payload_bytes);

 private:
  struct Record {
    std::uint32_t record_bytes;  // this header, the content and its padding to 16
    std::uint32_t payload_bytes;
    std::uint8_t topic_bytes;
    LetterKind kind;
    std::uint8_t message_type;
    std::uint8_t spare[5];
    std::uint64_t first;
    std::uint64_t second;
    std::uint64_t unused;
  };
  static_assert(sizeof(Record) == 40);

  const Record* front();
  void drop(const Record* record);
  static Letter open(const Record* record);
  std::byte* room_for(std::size_t record_bytes);

  const std::size_t capacity_bytes_;
  std::unique_ptr<std::byte[]> ring_;
  mutable std::mutex mutex_;
  std::size_t read_ = 0;   // guarded by mutex_
  std::size_t write_ = 0;  // guarded by mutex_
  std::size_t used_ = 0;   // guarded by mutex_
};

}  // namespace holdfast::shard
