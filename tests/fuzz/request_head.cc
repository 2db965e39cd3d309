// Fuzz target: the head of a request, from bytes to the answer.
//
// Input: two bytes choose where the rest, a stream, is cut in two. What must hold besides not crashing: the
// verdict is that of the first deciding byte however the stream is cut, every view lies within the head, and
// a head that passes keeps what the parser promises to its users.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "http/request_head.h"
#include "http/syntax.h"
#include "http/upgrade.h"

namespace {

using holdfast::http::AcceptKey;
using holdfast::http::Field;
using holdfast::http::HeadLimits;
using holdfast::http::HeadScan;
using holdfast::http::RequestHead;
using holdfast::http::ScanResult;
using holdfast::http::Status;
using Outcome = holdfast::http::ScanResult::Outcome;

// Small, so that short inputs reach the limits.
constexpr HeadLimits kLimits{.head_bytes = 512, .fields = 8};

bool same(const ScanResult& left, const ScanResult& right) {
  return left.outcome == right.outcome && left.head_bytes == right.head_bytes &&
         left.refusal == right.refusal;
}

// Scans `stream` in reads that end at each multiple of `step`, and at `cut`.
ScanResult scan_in_pieces(std::string_view stream, std::size_t cut, std::size_t step) {
  HeadScan scan;
  ScanResult result;
  std::size_t fed = 0;
  while (fed < stream.size() && result.outcome == Outcome::incomplete) {
    const std::size_t next = std::min(fed + step, stream.size());
    fed = fed < cut && cut < next ? cut : next;
    result = scan_head(scan, stream.substr(0, fed), kLimits);
  }
  return result;
}

bool within(std::string_view whole, std::string_view view) {
  return view.empty() ||
         (view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size());
}

void check_views(std::string_view head, const RequestHead& request) {
  for (const std::string_view view : {request.method, request.target, request.path, request.query}) {
    CHECK(within(head, view));
  }
  CHECK(request.target.starts_with('/'));
  CHECK(request.target.starts_with(request.path));
  CHECK(request.target.ends_with(request.query));
  CHECK(request.field_count >= 1);
  CHECK(request.count("Host") == 1);
  for (std::uint32_t i = 0; i < request.field_count; ++i) {
    const Field& field = request.fields[i];
    CHECK(within(head, field.name));
    CHECK(within(head, field.value));
    CHECK(holdfast::http::is_token(field.name));
    for (const char byte : field.value) {
      CHECK(byte == '\t' || (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f));
    }
  }
}

void answer(const RequestHead& request) {
  const Status status = check_upgrade(request);
  CHECK(status == Status::none || status == Status::bad_request || status == Status::method_not_allowed ||
        status == Status::upgrade_required);
  const bool same_origin = origin_allowed(request, {});
  if (status != Status::none) return;
  CHECK(request.method == "GET");
  CHECK(has_token(request, "upgrade", "WEBSOCKET"));
  CHECK(has_token(request, "connection", "UPGRADE"));
  CHECK(request.count("Transfer-Encoding") == 0);
  CHECK(origin_allowed(request, {.allowed = {"*"}}));
  if (same_origin && request.count("Origin") == 1)
    CHECK(request.find("Origin")->find("://") != std::string_view::npos);
  AcceptKey keys;
  std::array<char, AcceptKey::kLength> accept;
  keys.compute(*request.find("Sec-WebSocket-Key"), accept);
  std::string_view subprotocol;
  for_each_subprotocol(request, [&subprotocol](std::string_view token) { subprotocol = token; });
  CHECK(subprotocol.empty() || holdfast::http::is_token(subprotocol));
  std::array<char, 1024> response;
  const std::size_t length = holdfast::http::write_accept_response(response, accept, subprotocol, "");
  CHECK(length > 0);
  // No byte of the request may end the response's head early.
  CHECK(std::string_view(response.data(), length).find("\r\n\r\n") == length - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const std::size_t cut = (std::size_t{bytes[0]} * 256 + bytes[1]) % (stream.size() + 1);
  const ScanResult whole = scan_in_pieces(stream, stream.size(), stream.size());
  CHECK(same(whole, scan_in_pieces(stream, cut, stream.size())));
  CHECK(same(whole, scan_in_pieces(stream, cut, 1)));
  if (whole.outcome == Outcome::refused) {
    CHECK(whole.refusal == Status::bad_request || whole.refusal == Status::fields_too_large);
  }
  if (whole.outcome == Outcome::incomplete) CHECK(stream.size() < kLimits.head_bytes);
  if (whole.outcome != Outcome::complete) return 0;

  CHECK(whole.head_bytes <= kLimits.head_bytes);
  // A copy of the exact size, so that a sanitizer sees a read past the head.
  const auto copy = std::make_unique<char[]>(whole.head_bytes);
  std::memcpy(copy.get(), stream.data(), whole.head_bytes);
  const std::string_view head(copy.get(), whole.head_bytes);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(head.find("\r\n\r\n") == head.size() - 4);
  RequestHead request;
  if (parse_head(head, request) != Status::none) return 0;
  CHECK(request.field_count <= kLimits.fields);
  check_views(head, request);
  answer(request);
  return 0;
}
