// Connection: the public handle, forwarded to its shard. A handle whose connection has ended finds no slot.
#include "holdfast/connection.h"

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast {
namespace {

net::Slot* find(shard::Shard* shard, std::uint32_t slot, std::uint32_t generation) {
  if (shard == nullptr) return nullptr;
  // A handle belongs to its shard's thread.
  CHECK(shard::Shard::current() == shard);
  return shard->find(slot, generation);
}

}  // namespace

ConnectionId Connection::id() const {
  if (shard_ == nullptr) return {};
  return {static_cast<std::uint64_t>(shard_->number() + 1) << 48 |
          static_cast<std::uint64_t>(generation_) << 24 | slot_};
}

bool Connection::is_open() const {
  const net::Slot* slot = find(shard_, slot_, generation_);
  return slot != nullptr && slot->state() == net::State::open;
}

SendResult Connection::send(const Message& message) {
  if (find(shard_, slot_, generation_) == nullptr) return SendResult::closed;
  return shard_->send(slot_, generation_, message);
}

SendResult Connection::send(const SharedMessage& message) {
  if (shard_ == nullptr) return SendResult::closed;
  CHECK(shard::Shard::current() == shard_);
  return shard_->send(slot_, generation_, message);
}

void Connection::prefetch() const {
  if (shard_ != nullptr) shard_->prefetch(slot_);
}

void Connection::pause_input() {
  if (find(shard_, slot_, generation_) != nullptr) shard_->pause_input(slot_, generation_);
}

void Connection::resume_input() {
  net::Slot* slot = find(shard_, slot_, generation_);
  if (slot != nullptr) shard_->resume_input(slot_, *slot);
}

void Connection::begin_request() {
  net::Slot* slot = find(shard_, slot_, generation_);
  if (slot != nullptr) shard_->begin_request(*slot);
}

void Connection::begin_stream() {
  net::Slot* slot = find(shard_, slot_, generation_);
  if (slot != nullptr) shard_->begin_stream(slot_, *slot);
}

void Connection::end_request() {
  net::Slot* slot = find(shard_, slot_, generation_);
  if (slot != nullptr) shard_->end_request(slot_, *slot);
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (find(shard_, slot_, generation_) != nullptr) shard_->close(slot_, generation_, code, reason);
}

std::uint64_t Connection::word() const {
  const net::Slot* slot = find(shard_, slot_, generation_);
  return slot == nullptr ? 0 : slot->word;
}

void Connection::set_word(std::uint64_t word) {
  net::Slot* slot = find(shard_, slot_, generation_);
  if (slot != nullptr) slot->word = word;
}

void Connection::ping(std::optional<std::chrono::milliseconds> pong_timeout) {
  if (find(shard_, slot_, generation_) != nullptr) shard_->ping(slot_, generation_, pong_timeout);
}

bool Connection::subscribe(std::string_view topic) {
  return find(shard_, slot_, generation_) != nullptr && shard_->subscribe(slot_, generation_, topic);
}

bool Connection::unsubscribe(std::string_view topic) {
  return find(shard_, slot_, generation_) != nullptr && shard_->unsubscribe(slot_, generation_, topic);
}

std::size_t Connection::outbox_bytes() const {
  const net::Slot* slot = find(shard_, slot_, generation_);
  return slot == nullptr ? 0 : slot->outbox_bytes;
}

std::size_t Connection::outbox_messages() const {
  const net::Slot* slot = find(shard_, slot_, generation_);
  return slot == nullptr ? 0 : shard_->outbox_messages(*slot);
}

PeerAddress Connection::peer() const {
  return find(shard_, slot_, generation_) == nullptr ? PeerAddress{} : shard_->peer(slot_);
}

Protocol Connection::protocol() const {
  const net::Slot* slot = find(shard_, slot_, generation_);
  return slot == nullptr ? Protocol::websocket : slot->protocol();
}

}  // namespace holdfast
