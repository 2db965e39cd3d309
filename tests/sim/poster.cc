// Poster: requests out, answers in.
#include "poster.h"

#include "absl/strings/str_cat.h"
#include "http_response.h"

namespace holdfast::sim {

void Poster::post(const std::string& body, bool protobuf, bool last) {
  if (unanswered_++ == 0) waits_since_ns_ = world_->now_ns();
  last_sent_ = last;
  asked_to_close_ = last && random().below(2) == 0;
  write(absl::StrCat("POST /emulation HTTP/1.1\r\nHost: sim.invalid\r\nContent-Type: application/",
                     protobuf ? "octet-stream" : "json", asked_to_close_ ? "\r\nConnection: close" : "",
                     "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  if (last && !asked_to_close_) finish();
}

std::size_t Poster::consume(std::string_view bytes) {
  const std::optional<HttpResponse> response = read_response_head(bytes);
  if (!response) return 0;
  const std::size_t whole = response->head_bytes + (response->has_body() ? response->length.value_or(0) : 0);
  if (bytes.size() < whole) return 0;
  if (response->closes && response->status >= 400 && response->status != 404) {
    // Not finished in time, or more than may wait; its end follows.
    hear_close(response->status);
    return whole;
  }
  if (unanswered_ == 0 || (response->status != 204 && response->status != 404)) {
    fail("an answer to no post, or another: " + std::string(bytes.substr(0, 80)));
    return bytes.size();
  }
  --unanswered_;
  waits_since_ns_ = world_->now_ns();
  if (response->closes != (asked_to_close_ && unanswered_ == 0))
    fail("it closes, or does not, against what was asked");
  owner_.answered(response->status == 204);
  return whole;
}

}  // namespace holdfast::sim
