// Slots are numbered as they are pushed, so that a number is a place in the queue.
#include "admin/conversation.h"

#include "base/check.h"

namespace holdfast::admin {

std::uint64_t Conversation::push(const http::ReceivedRequest& request) {
  Slot& slot = slots_.emplace_back();
  slot.keep_alive = request.keep_alive;
  slot.version = request.head.version;
  slot.head_only = request.head.method == "HEAD";
  if (!request.keep_alive) ending_ = true;
  return next_number_++;
}

void Conversation::push_ready(std::string_view bytes) {
  Slot& slot = slots_.emplace_back();
  ++next_number_;
  slot.ready = true;
  slot.bytes = bytes;
  move_ready();
}

void Conversation::refuse(http::Status status) {
  if (ending_) return;
  ending_ = cut_short_ = true;
  unread_.clear();
  push_ready(http::canned_response(status));
}

void Conversation::answer(std::uint64_t number, const Response& response, std::int64_t unix_time_s) {
  const std::uint64_t first = next_number_ - slots_.size();
  CHECK(number >= first && number < next_number_);
  Slot& slot = slots_[number - first];
  CHECK(!slot.ready);
  // The next in turn needs no copy.
  std::string& out = number == first ? output_ : slot.bytes;
  http::ResponseWriter writer(&out, response.status, slot.keep_alive, slot.version);
  writer.date(unix_time_s);
  writer.field("Content-Type", response.content_type);
  out.append(response.fields);
  if (response.status == 204) {
    writer.no_body();
  } else if (slot.head_only) {
    writer.head_of(response.body.size());
  } else {
    writer.body(response.body);
  }
  slot.ready = true;
  move_ready();
}

bool Conversation::hand_over(std::uint64_t number) {
  if (slots_.size() != 1 || number + 1 != next_number_) return false;
  slots_.clear();
  unread_.clear();
  ending_ = true;
  return true;
}

void Conversation::move_ready() {
  while (!slots_.empty() && slots_.front().ready) {
    output_.append(slots_.front().bytes);
    slots_.pop_front();
  }
}

}  // namespace holdfast::admin
