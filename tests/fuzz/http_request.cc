// Fuzz target: requests in a stream, from bytes to heads and bodies.
//
// Input: two bytes choose where the rest, a stream, is cut in two. What must hold besides not crashing: the
// requests and the verdict are the same however the stream is cut, no limit is exceeded, no request is framed
// in two ways, and nothing is held between requests.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/request_reader.h"
#include "http/syntax.h"

namespace {

using holdfast::http::ReceivedRequest;
using holdfast::http::RequestLimits;
using holdfast::http::RequestReader;
using holdfast::http::Status;
using holdfast::http::Version;
using Outcome = RequestReader::Outcome;

// Small, so that short inputs reach the limits.
const RequestLimits kLimits{
    .head = {.head_bytes = 256, .fields = 8}, .body_bytes = 64, .chunk_overhead_bytes = 32};

struct Reading {
  std::vector<std::string> requests;
  Status refusal = Status::none;
  bool under_way = false;
  bool operator==(const Reading&) const = default;
};

// Everything that the next layer would see of it.
std::string describe(const ReceivedRequest& request) {
  std::string text(request.head.method);
  text.append(" ").append(request.head.target).append(request.keep_alive ? " keep\n" : " close\n");
  for (std::uint32_t i = 0; i < request.head.field_count; ++i) {
    text.append(request.head.fields[i].name).append(": ").append(request.head.fields[i].value).append("\n");
  }
  return text.append("\n").append(request.body);
}

void check(const ReceivedRequest& request) {
  CHECK(request.body.size() <= kLimits.body_bytes);
  CHECK(request.head.field_count <= kLimits.head.fields);
  CHECK(request.head.target.starts_with('/'));
  const bool lengths = request.head.count("Content-Length") > 0;
  const bool codings = request.head.count("Transfer-Encoding") > 0;
  CHECK(!lengths || !codings);
  CHECK(lengths || codings || request.body.empty());
  if (codings) CHECK(request.head.version == Version::http_1_1);
  if (has_token(request.head, "Connection", "close")) CHECK(!request.keep_alive);
}

// Reads `stream` in pieces that end at each multiple of `step`, and at `cut`.
Reading read_in_pieces(std::string_view stream, std::size_t cut, std::size_t step) {
  Reading reading;
  RequestReader reader(&kLimits);
  const std::size_t nothing = reader.held_bytes();
  std::size_t fed = 0;
  while (fed < stream.size()) {
    const std::size_t next = std::min(fed + step, stream.size());
    const std::size_t end = fed < cut && cut < next ? cut : next;
    const std::string piece(stream.substr(fed, end - fed));
    fed = end;
    std::string_view bytes = piece;
    Outcome outcome = Outcome::request;
    while (outcome == Outcome::request) {
      ReceivedRequest request;
      outcome = reader.read(bytes, request);
      if (outcome != Outcome::request) break;
      check(request);
      reading.requests.push_back(describe(request));
    }
    if (outcome == Outcome::refused) {
      reading.refusal = reader.refusal();
      CHECK(reader.held_bytes() == nothing);
      return reading;
    }
    CHECK(bytes.empty());
    if (!reader.under_way()) CHECK(reader.held_bytes() == nothing);
    CHECK(reader.held_bytes() <= 2 * (kLimits.head.head_bytes + kLimits.body_bytes + 1));
  }
  reading.under_way = reader.under_way();
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const std::size_t cut = (std::size_t{bytes[0]} * 256 + bytes[1]) % (stream.size() + 1);
  const Reading whole = read_in_pieces(stream, stream.size(), stream.size());
  CHECK(whole == read_in_pieces(stream, cut, stream.size()));
  CHECK(whole == read_in_pieces(stream, cut, 1));
  CHECK(whole == read_in_pieces(stream, cut, 7));
  switch (whole.refusal) {
    case Status::none:
    case Status::bad_request:
    case Status::content_too_large:
    case Status::uri_too_long:
    case Status::expectation_failed:
    case Status::fields_too_large:
    case Status::not_implemented:
    case Status::version_not_supported:
      return 0;
    default:
      CHECK(false);
  }
  return 0;
}
