// The states of a request on its way in. Whoever changes a state here keeps that a verdict belongs to a byte
// of the stream: that is what makes it independent of how the bytes were split.
#include "http/request_reader.h"

#include <algorithm>

#include "base/check.h"
#include "http/body_framing.h"
#include "http/syntax.h"

namespace holdfast::http {

using Outcome = RequestReader::Outcome;

namespace {

constexpr std::uint32_t kChunkSizeDigitsMaximum = 16;  // leading zeros included

}  // namespace

Outcome RequestReader::read(std::string_view& bytes, ReceivedRequest& request) {
  if (state_ == State::complete) {
    give_back();
    state_ = State::idle;
  }
  switch (state_) {
    case State::idle:
      return read_head(bytes, request);
    case State::head:
      return collect_head(bytes, request);
    case State::length:
      return read_body(bytes, request);
    case State::chunks:
      return read_chunks(bytes, request);
    case State::complete:
    case State::refused:
      break;
  }
  return Outcome::refused;
}

// Swapped, because an assignment may keep the memory.
void RequestReader::give_back() {
  std::string().swap(held_);
}

Outcome RequestReader::refuse(Status status) {
  CHECK(status != Status::none);
  refusal_ = status;
  state_ = State::refused;
  continue_expected_ = false;
  give_back();
  return Outcome::refused;
}

// Nearly always a whole request is in these bytes: nothing is copied then.
Outcome RequestReader::read_head(std::string_view& bytes, ReceivedRequest& request) {
  if (bytes.empty()) return Outcome::incomplete;
  scan_ = HeadScan{};
  const ScanResult found = scan_head(scan_, bytes, limits_->head);
  if (found.outcome != ScanResult::Outcome::complete) {
    scan_ = HeadScan{};
    state_ = State::head;
    return collect_head(bytes, request);
  }
  const std::string_view text = bytes.substr(0, found.head_bytes);
  if (const Status status = begin_body(text, request); status != Status::none) return refuse(status);
  bytes.remove_prefix(found.head_bytes);
  if (state_ == State::length && bytes.size() >= body_left_) {
    request.body = bytes.substr(0, body_left_);
    bytes.remove_prefix(body_left_);
    state_ = State::idle;
    continue_expected_ = false;
    return Outcome::request;
  }
  held_.assign(text);
  return state_ == State::length ? read_body(bytes, request) : read_chunks(bytes, request);
}

Outcome RequestReader::collect_head(std::string_view& bytes, ReceivedRequest& request) {
  // One byte beyond the limit is what shows that there are too many.
  const std::size_t taken = std::min(bytes.size(), limits_->head.head_bytes + 1 - held_.size());
  held_.append(bytes.substr(0, taken));
  const ScanResult found = scan_head(scan_, held_, limits_->head);
  if (found.outcome == ScanResult::Outcome::refused) {
    // No line has ended: it is the request line that is too long.
    const bool target_too_long = found.refusal == Status::fields_too_large && scan_.lines == 0;
    return refuse(target_too_long ? Status::uri_too_long : found.refusal);
  }
  if (found.outcome == ScanResult::Outcome::incomplete) {
    CHECK(taken == bytes.size());
    bytes = {};
    return Outcome::incomplete;
  }
  bytes.remove_prefix(taken - (held_.size() - found.head_bytes));
  held_.resize(found.head_bytes);
  if (const Status status = begin_body(held_, request); status != Status::none) return refuse(status);
  return state_ == State::length ? read_body(bytes, request) : read_chunks(bytes, request);
}

Status RequestReader::begin_body(std::string_view text, ReceivedRequest& request) {
  if (const Status status = parse_head(text, request.head, Version::http_1_0); status != Status::none)
    return status;
  BodyFraming framing;
  if (const Status status = read_body_framing(request.head, framing); status != Status::none) return status;
  if (framing.length > limits_->body_bytes) return Status::content_too_large;
  request.keep_alive = framing.keep_alive;
  head_bytes_ = static_cast<std::uint32_t>(text.size());
  body_left_ = framing.length;
  overhead_bytes_ = 0;
  size_digits_ = 0;
  chunk_part_ = ChunkPart::size_first;
  continue_expected_ = framing.expects_continue && (framing.chunked || framing.length > 0);
  state_ = framing.chunked ? State::chunks : State::length;
  return Status::none;
}

Outcome RequestReader::read_body(std::string_view& bytes, ReceivedRequest& request) {
  const std::size_t taken = std::min<std::uint64_t>(bytes.size(), body_left_);
  if (taken > 0) continue_expected_ = false;  // it did not wait
  held_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  body_left_ -= taken;
  return body_left_ == 0 ? hand_out_held(request) : Outcome::incomplete;
}

Outcome RequestReader::hand_out_held(ReceivedRequest& request) {
  const std::string_view whole = held_;
  CHECK(parse_head(whole.substr(0, head_bytes_), request.head, Version::http_1_0) == Status::none);
  BodyFraming framing;
  CHECK(read_body_framing(request.head, framing) == Status::none);
  request.keep_alive = framing.keep_alive;
  request.body = whole.substr(head_bytes_);
  state_ = State::complete;
  continue_expected_ = false;
  return Outcome::request;
}

Outcome RequestReader::read_chunks(std::string_view& bytes, ReceivedRequest& request) {
  if (!bytes.empty()) continue_expected_ = false;
  bool done = false;
  while (!bytes.empty()) {
    if (const Status status = read_chunk_part(bytes, done); status != Status::none) return refuse(status);
    if (done) return hand_out_held(request);
  }
  return Outcome::incomplete;
}

Status RequestReader::read_chunk_part(std::string_view& bytes, bool& done) {
  if (chunk_part_ == ChunkPart::extension) return skip_chunk_overhead(bytes, ChunkPart::size_line_feed);
  if (chunk_part_ == ChunkPart::trailer) return skip_chunk_overhead(bytes, ChunkPart::trailer_line_feed);
  if (chunk_part_ == ChunkPart::payload) {
    const std::size_t taken = std::min<std::uint64_t>(bytes.size(), body_left_);
    held_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    body_left_ -= taken;
    if (body_left_ == 0) chunk_part_ = ChunkPart::payload_return;
    return Status::none;
  }
  const char byte = bytes.front();
  bytes.remove_prefix(1);
  const auto expect = [this, byte](char wanted, ChunkPart next) {
    chunk_part_ = next;
    return byte == wanted ? Status::none : Status::bad_request;
  };
  switch (chunk_part_) {
    case ChunkPart::size_first:
    case ChunkPart::size:
      return read_chunk_size(byte);
    case ChunkPart::size_line_feed:
      return expect('\n', body_left_ > 0 ? ChunkPart::payload : ChunkPart::trailer_first);
    case ChunkPart::payload_return:
      return expect('\r', ChunkPart::payload_line_feed);
    case ChunkPart::payload_line_feed:
      return expect('\n', ChunkPart::size_first);
    case ChunkPart::trailer_first:
      if (byte == '\r') return expect('\r', ChunkPart::last_line_feed);
      chunk_part_ = ChunkPart::trailer;
      if (!is_of(byte, kTokenByte)) return Status::bad_request;
      return ++overhead_bytes_ > limits_->chunk_overhead_bytes ? Status::fields_too_large : Status::none;
    case ChunkPart::trailer_line_feed:
      return expect('\n', ChunkPart::trailer_first);
    case ChunkPart::last_line_feed:
      done = true;
      return expect('\n', ChunkPart::size_first);
    case ChunkPart::extension:
    case ChunkPart::trailer:
    case ChunkPart::payload:
      break;
  }
  CHECK(false);
  return Status::bad_request;
}

Status RequestReader::read_chunk_size(char byte) {
  if (const int digit = hexadecimal_digit(byte); digit >= 0) {
    if (chunk_part_ == ChunkPart::size_first) {
      body_left_ = 0;
      size_digits_ = 0;
      chunk_part_ = ChunkPart::size;
    }
    if (++size_digits_ > kChunkSizeDigitsMaximum) return Status::bad_request;
    body_left_ = body_left_ * 16 + static_cast<std::uint64_t>(digit);
    const std::size_t decoded = held_.size() - head_bytes_;
    return body_left_ > limits_->body_bytes - decoded ? Status::content_too_large : Status::none;
  }
  if (chunk_part_ == ChunkPart::size_first) return Status::bad_request;
  if (byte != '\r' && byte != ';') return Status::bad_request;
  chunk_part_ = byte == '\r' ? ChunkPart::size_line_feed : ChunkPart::extension;
  return Status::none;
}

// An extension, or a trailer field, up to its CR: of no interest, but it may hold no other control character,
// and all of them together have a bound.
Status RequestReader::skip_chunk_overhead(std::string_view& bytes, ChunkPart next) {
  const std::uint32_t allowed = limits_->chunk_overhead_bytes - overhead_bytes_;
  const std::size_t skipped = find_control_byte(bytes.substr(0, std::size_t{allowed} + 1));
  if (skipped > allowed) return Status::fields_too_large;
  overhead_bytes_ += static_cast<std::uint32_t>(skipped);
  bytes.remove_prefix(skipped);
  if (bytes.empty()) return Status::none;
  if (bytes.front() != '\r') return Status::bad_request;
  bytes.remove_prefix(1);
  chunk_part_ = next;
  return Status::none;
}

bool RequestReader::take_continue() {
  const bool expected = continue_expected_;
  continue_expected_ = false;
  return expected;
}

}  // namespace holdfast::http
