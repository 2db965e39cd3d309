// SharedMessage: encoded once here, referenced by every outbox it is sent to, as a publication is.
//
// The WebSocket frame is made at once and holds the payload for the others, which are made when first needed.
// Handles hold one reference to each frame; shared_handles_ counts them, because one that outlived its shard
// would name memory that is gone.
#include "base/check.h"
#include "shard/shard.h"

namespace holdfast {

namespace shard {

using memory::Index;
using memory::kNoIndex;
using net::State;

SharedMessage Shard::share(const Message& message) {
  SharedMessage shared;
  const Index frame = encode(Protocol::websocket, message.type, message.bytes);
  if (frame == kNoIndex) {
    counters_.memory_refusals.add();
    return shared;
  }
  shared.frames_.fill(kNoIndex);
  shared.frames_[static_cast<std::size_t>(Protocol::websocket)] = frame;
  shared.header_bytes_ = static_cast<std::uint32_t>(frames_.bytes(frame).size() - message.bytes.size());
  shared.shard_ = this;
  ++shared_handles_;
  return shared;
}

std::span<const std::byte> Shard::payload_of(const SharedMessage& message) {
  const Index frame = message.frames_[static_cast<std::size_t>(Protocol::websocket)];
  return frames_.bytes(frame).subspan(message.header_bytes_);
}

SendResult Shard::send(Index index, std::uint32_t generation, const SharedMessage& message) {
  net::Slot* slot = table_.find(index, generation);
  if (slot == nullptr || slot->state() != State::open) return SendResult::closed;
  if (!message) return SendResult::refused;
  CHECK(message.shard_ == this);
  const Protocol protocol = slot->protocol();
  Index& frame = message.frames_[static_cast<std::size_t>(protocol)];
  if (frame == kNoIndex) {
    const std::span<const std::byte> payload = payload_of(message);
    if (says_nothing(protocol, payload)) return queue_state(*slot);
    frame = encode(protocol, MessageType::binary, payload);
    if (frame == kNoIndex) {
      counters_.memory_refusals.add();
      return SendResult::refused;
    }
  }
  frames_.retain(frame);
  const SendResult result = enqueue(index, *slot, frame);
  if (taken(result)) counters_.messages_out.add();
  return result;
}

void Shard::retain(const SharedMessage& message) {
  CHECK(current() == this);
  for (Index frame : message.frames_) {
    if (frame != kNoIndex) frames_.retain(frame);
  }
  ++shared_handles_;
}

void Shard::release(const SharedMessage& message) {
  CHECK(current() == this);
  for (Index frame : message.frames_) {
    if (frame != kNoIndex) frames_.release(frame);
  }
  CHECK(shared_handles_ > 0);
  --shared_handles_;
}

}  // namespace shard

SharedMessage::SharedMessage(const SharedMessage& other)
    : shard_(other.shard_), header_bytes_(other.header_bytes_), frames_(other.frames_) {
  if (shard_ != nullptr) shard_->retain(*this);
}

void SharedMessage::release() {
  shard_->release(*this);
}

}  // namespace holdfast
