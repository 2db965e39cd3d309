// RequestReader: the requests of one connection's stream of bytes, one after another: head, body by length or
// by chunks, persistence, pipelining. The server's side of HTTP/1.1 framing; pure.
//
// One per connection. A request that lies whole in the bytes given is handed out as views of them and costs
// no memory; only one that arrives in pieces is collected here, head and decoded body, by what has really
// arrived and never beyond the limits (rule R9). Between requests nothing is held. Any split of the same
// bytes gives the same requests and the same verdict. Source: RFC 9112 sections 6, 7 and 9; RFC 9110 section
// 10.1.1. Refused on purpose, besides what request_head.h says: Content-Length and Transfer-Encoding
// together, lengths that differ or are lists, codings other than chunked, anything sloppy in a chunk's frame.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/request_head.h"
#include "http/status.h"

namespace holdfast::http {

struct RequestLimits {
  HeadLimits head;
  std::size_t body_bytes = 1u << 20;  // decoded
  // Chunk extensions and trailer fields of one request; nobody here reads them.
  std::uint32_t chunk_overhead_bytes = 8 * 1024;
};

// Views into the bytes given to read(), or into the reader; they die with the next read().
struct ReceivedRequest {
  RequestHead head;
  std::string_view body;
  bool keep_alive = false;  // the client will read another answer after this one's
};

class RequestReader {
 public:
  enum class Outcome : std::uint8_t { incomplete, request, refused };

  // `limits` must outlive the reader.
  explicit RequestReader(const RequestLimits* limits) : limits_(limits) {}

  // Takes what belongs to one request off the front of `bytes`. `request`: there is one, call again with the
  // rest after it has been answered. `incomplete`: all bytes are taken. `refused`: answer with refusal() and
  // end the connection, because where the next request would begin is not known; stays so.
  Outcome read(std::string_view& bytes, ReceivedRequest& request);

  // 400, 413, 414, 417, 431, 501 or 505.
  Status refusal() const { return refusal_; }
  // True once for a request whose client waits for "100 Continue" before it sends the body; to be asked after
  // `incomplete`.
  bool take_continue();
  // A request has begun and is not complete.
  bool under_way() const { return state_ != State::idle && state_ != State::complete; }
  // Memory held for the request under way.
  std::size_t held_bytes() const { return held_.capacity(); }

 private:
  enum class State : std::uint8_t {
    idle,      // before a request's first byte
    head,      // held_ has the beginning of a head
    length,    // held_ has a head and the beginning of a body whose length is known
    chunks,    // held_ has a head and what has been decoded of a body
    complete,  // held_ has a whole request, handed out by the read before
    refused,
  };
  enum class ChunkPart : std::uint8_t {
    size_first,  // at least one digit
    size,
    extension,
    size_line_feed,
    payload,
    payload_return,
    payload_line_feed,
    trailer_first,  // of a line; the empty one is the end
    trailer,
    trailer_line_feed,
    last_line_feed,
  };
  Outcome refuse(Status status);
  void give_back();
  Outcome read_head(std::string_view& bytes, ReceivedRequest& request);
  Outcome collect_head(std::string_view& bytes, ReceivedRequest& request);
  // The head is whole: settles how its body is framed. `text` is the head.
  Status begin_body(std::string_view text, ReceivedRequest& request);
  Outcome read_body(std::string_view& bytes, ReceivedRequest& request);
  Outcome read_chunks(std::string_view& bytes, ReceivedRequest& request);
  // Takes one part's bytes off the front. `done` after the last byte of the body.
  Status read_chunk_part(std::string_view& bytes, bool& done);
  Status read_chunk_size(char byte);
  Status skip_chunk_overhead(std::string_view& bytes, ChunkPart next);
  Outcome hand_out_held(ReceivedRequest& request);

  const RequestLimits* limits_;
  std::string held_;
  std::uint64_t body_left_ = 0;  // of the body, or of the chunk
  HeadScan scan_;
  std::uint32_t head_bytes_ = 0;
  std::uint32_t overhead_bytes_ = 0;
  State state_ = State::idle;
  ChunkPart chunk_part_ = ChunkPart::size_first;
  std::uint8_t size_digits_ = 0;
  bool continue_expected_ = false;
  Status refusal_ = Status::none;
};

}  // namespace holdfast::http
