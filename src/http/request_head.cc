// The head parser: scan_head in one pass over new bytes with memchr, parse_head in one pass over the whole
// head.
//
// Invariant of the scan: a verdict belongs to the byte that causes it, and the earliest such byte wins. That
// is what makes the verdict independent of how the bytes were split.
#include "http/request_head.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::uint32_t kLineEndBytes = 2;

bool starts_with_line_end(std::string_view text) {
  return text.size() >= kLineEndBytes && text[0] == '\r' && text[1] == '\n';
}

std::size_t find_byte(std::string_view text, char byte) {
  const void* found = text.empty() ? nullptr : std::memchr(text.data(), byte, text.size());
  return found == nullptr ? text.size()
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

ScanResult refuse(Status status) {
  return {.outcome = ScanResult::Outcome::refused, .refusal = status};
}

// A line of the head starts with a method or a field name, or is the empty line. Judged by its first byte,
// this stops folded lines, empty lines before the request, and peers that speak TLS to a plain port, before
// they cost more.
bool may_start_line(char byte, bool first_line) {
  return is_of(byte, kTokenByte) || (byte == '\r' && !first_line);
}

}  // namespace

ScanResult scan_head(HeadScan& scan, std::string_view so_far, const HeadLimits& limits) {
  CHECK(scan.line_start <= scan.scanned);
  CHECK(scan.scanned <= so_far.size());
  const std::uint32_t lines_maximum = 1 + std::min(limits.fields, kFieldsMaximum);
  const std::string_view seen = so_far.substr(0, limits.head_bytes);
  std::uint32_t position = scan.scanned;
  while (position < seen.size()) {
    if (position == scan.line_start && !may_start_line(seen[position], scan.lines == 0)) {
      return refuse(Status::bad_request);
    }
    position += static_cast<std::uint32_t>(find_control_byte(seen.substr(position)));
    // A CR that came last is looked at again, together with the byte after it.
    if (position == seen.size() || (position + 1 == seen.size() && seen[position] == '\r')) break;
    if (!starts_with_line_end(seen.substr(position))) return refuse(Status::bad_request);
    const bool empty_line = position == scan.line_start;
    position += kLineEndBytes;
    if (empty_line) return {.outcome = ScanResult::Outcome::complete, .head_bytes = position};
    if (++scan.lines > lines_maximum) return refuse(Status::fields_too_large);
    scan.line_start = position;
  }
  if (so_far.size() >= limits.head_bytes) return refuse(Status::fields_too_large);
  scan.scanned = position;
  return {};
}

namespace {

// Cuts the next line, without its CRLF, off `rest`. False when it does not end in one, or holds another
// control character than HTAB.
bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t line_bytes = find_control_byte(rest);
  line = rest.substr(0, line_bytes);
  rest.remove_prefix(line_bytes);
  if (!starts_with_line_end(rest)) return false;
  rest.remove_prefix(kLineEndBytes);
  return true;
}

Status parse_version(std::string_view text, Version& version, Version oldest) {
  constexpr std::string_view kProtocol = "HTTP/";
  version = Version::http_1_1;
  if (text == "HTTP/1.1") return Status::none;
  if (text == "HTTP/1.0" && oldest == Version::http_1_0) {
    version = Version::http_1_0;
    return Status::none;
  }
  const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  const bool well_formed = text.size() == kProtocol.size() + 3 && text.starts_with(kProtocol) &&
                           is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
  return well_formed ? Status::version_not_supported : Status::bad_request;
}

Status parse_request_line(std::string_view line, RequestHead& request, Version oldest) {
  const std::size_t method_end = find_byte(line, ' ');
  if (method_end == line.size()) return Status::bad_request;
  request.method = line.substr(0, method_end);
  line.remove_prefix(method_end + 1);
  const std::size_t target_end = find_byte(line, ' ');
  if (target_end == line.size()) return Status::bad_request;
  request.target = line.substr(0, target_end);
  if (!is_token(request.method)) return Status::bad_request;
  const Status version = parse_version(line.substr(target_end + 1), request.version, oldest);
  if (version != Status::none) return version;
  if (!request.target.starts_with('/') || !all_of(request.target, kTargetByte)) return Status::bad_request;
  const std::size_t path_end = find_byte(request.target, '?');
  request.path = request.target.substr(0, path_end);
  request.query = request.target.substr(std::min(path_end + 1, request.target.size()));
  return Status::none;
}

// `line` holds no control character but HTAB: see take_line.
bool parse_field(std::string_view line, Field& field) {
  std::size_t name_end = 0;
  while (name_end < line.size() && is_of(line[name_end], kTokenByte)) ++name_end;
  if (name_end == 0 || name_end == line.size() || line[name_end] != ':') return false;
  field.name = line.substr(0, name_end);
  field.value = without_white_space(line.substr(name_end + 1));
  return true;
}

}  // namespace

Status parse_head(std::string_view head, RequestHead& request, Version oldest) {
  request.field_count = 0;
  std::string_view line;
  if (!take_line(head, line)) return Status::bad_request;
  if (const Status status = parse_request_line(line, request, oldest); status != Status::none) return status;
  std::uint32_t hosts = 0;
  while (true) {
    if (!take_line(head, line)) return Status::bad_request;
    if (line.empty()) break;
    if (request.field_count == kFieldsMaximum) return Status::fields_too_large;
    Field& field = request.fields[request.field_count];
    if (!parse_field(line, field)) return Status::bad_request;
    ++request.field_count;
    if (equals_ignoring_case(field.name, "Host")) {
      ++hosts;
      if (field.value.empty() || !all_of(field.value, kHostByte)) return Status::bad_request;
    }
  }
  const bool host_missing = hosts == 0 && request.version == Version::http_1_1;
  if (!head.empty() || hosts > 1 || host_missing) return Status::bad_request;
  return Status::none;
}

std::optional<std::string_view> RequestHead::find(std::string_view name) const {
  for (std::uint32_t i = 0; i < field_count; ++i) {
    if (equals_ignoring_case(fields[i].name, name)) return fields[i].value;
  }
  return std::nullopt;
}

std::uint32_t RequestHead::count(std::string_view name) const {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < field_count; ++i) {
    if (equals_ignoring_case(fields[i].name, name)) ++found;
  }
  return found;
}

bool has_token(const RequestHead& request, std::string_view field_name, std::string_view token) {
  const auto differs = [token](std::string_view element) { return !equals_ignoring_case(element, token); };
  for (std::uint32_t i = 0; i < request.field_count; ++i) {
    const Field& field = request.fields[i];
    if (!equals_ignoring_case(field.name, field_name)) continue;
    if (!for_each_element(field.value, differs)) return true;
  }
  return false;
}

}  // namespace holdfast::http
