// Conversation: the requests of one HTTP connection and their answers, which leave in the order of the
// requests whatever the order in which they are ready. Pure: bytes in, bytes out.
//
// A request is handed out with a number; answer() may be called with it at once or at any later time, once.
// When kUnansweredMaximum are under way, or kOutputBytesMaximum wait to be sent, reading stops and what has
// arrived is kept: blocked() then says that the peer is to be made to wait. After a request that ends the
// connection nothing more is read.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "http/request_reader.h"
#include "http/response_writer.h"

namespace holdfast::admin {

struct Response {
  std::uint16_t status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string_view fields;  // whole lines, each with CRLF
  std::string_view body;
};

class Conversation {
 public:
  static constexpr std::size_t kUnansweredMaximum = 64;
  static constexpr std::size_t kOutputBytesMaximum = 64 * 1024;

  // `limits` must outlive it.
  explicit Conversation(const http::RequestLimits* limits) : reader_(limits) {}

  // Calls on_request(request, number) for each request that is complete, as far as it may go on.
  template <class OnRequest>
  void receive(std::string_view bytes, const OnRequest& on_request) {
    if (unread_.empty() && !blocked()) read(bytes, on_request);
    if (bytes.empty()) return;
    if (ending_) {
      cut_short_ = true;
    } else {
      unread_.append(bytes);
    }
  }
  // After answers and output have gone: reads on in what was kept.
  template <class OnRequest>
  void resume(const OnRequest& on_request) {
    if (unread_.empty() || blocked()) return;
    const std::string kept = std::exchange(unread_, {});
    receive(kept, on_request);
  }

  void answer(std::uint64_t number, const Response& response, std::int64_t unix_time_s);
  // A request's connection becomes something else: nothing is answered, nothing more is read here. Only when
  // it is the only one unanswered.
  bool hand_over(std::uint64_t number);
  // Answers in place of a request that is not complete, behind what is owed before it; then the connection
  // ends.
  void refuse(http::Status status);

  // Bytes that may be sent; the caller takes them off the front.
  std::string& output() { return output_; }
  bool blocked() const {
    return ending_ || slots_.size() >= kUnansweredMaximum || output_.size() >= kOutputBytesMaximum;
  }
  // A request is complete and its answer is not, or has not been taken: it is we who are waited for.
  bool owes_answer() const { return !slots_.empty() || !output_.empty(); }
  // Everything is answered and taken, and the connection is to be closed.
  bool finished() const { return ending_ && !owes_answer(); }
  // Nothing more will be read.
  bool ending() const { return ending_; }
  // Something has arrived and waits until it may be read.
  bool has_unread() const { return !unread_.empty(); }
  // Bytes may have arrived, or still arrive, that nobody will read.
  bool cut_short() const { return cut_short_; }
  // A request has begun and is not complete, and it is the client that is waited for.
  bool request_under_way() const { return !blocked() && reader_.under_way(); }
  // Those before the one under way, and other answers.
  std::uint64_t requests() const { return next_number_; }
  // Memory for what has arrived and could not be handed out yet.
  std::size_t held_bytes() const { return reader_.held_bytes() + unread_.capacity(); }

 private:
  struct Slot {
    bool ready = false;
    bool keep_alive = false;
    bool head_only = false;
    http::Version version = http::Version::http_1_1;
    std::string bytes;
  };

  template <class OnRequest>
  void read(std::string_view& bytes, const OnRequest& on_request) {
    while (!blocked()) {
      http::ReceivedRequest request;
      switch (reader_.read(bytes, request)) {
        case http::RequestReader::Outcome::incomplete:
          if (reader_.take_continue()) push_ready(http::kContinueResponse);
          return;
        case http::RequestReader::Outcome::refused:
          return refuse(reader_.refusal());
        case http::RequestReader::Outcome::request:
          on_request(request, push(request));
      }
    }
  }
  std::uint64_t push(const http::ReceivedRequest& request);
  void push_ready(std::string_view bytes);
  void move_ready();

  http::RequestReader reader_;
  std::string unread_;
  std::string output_;
  std::deque<Slot> slots_;         // unanswered, or behind one that is
  std::uint64_t next_number_ = 0;  // of the slot that is pushed next
  bool ending_ = false;
  bool cut_short_ = false;
};

}  // namespace holdfast::admin
