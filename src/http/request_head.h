// The head of an HTTP/1.1 request: found in a stream of bytes, then taken apart. Strict, bounded,
// linear-time, pure.
//
// Two steps. scan_head() looks only at bytes it has not seen and says where the head ends, or that it cannot
// become a valid one; its verdict does not depend on how the bytes were split. parse_head() runs once, on the
// whole head, and yields views into it. Source: RFC 9112 (message syntax), RFC 9110 (fields). Refused on
// purpose: bare LF or CR, folded lines, space before a colon, control characters, a missing or repeated Host,
// and HTTP/1.0 unless the caller wants it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/status.h"

namespace holdfast::http {

struct HeadLimits {
  std::uint32_t head_bytes = 8 * 1024;  // request line, fields and the empty line
  std::uint32_t fields = 64;
};
inline constexpr std::uint32_t kFieldsMaximum = 64;

// What scanning remembers between reads; zero at the start. Fits Assembly::state.
struct HeadScan {
  std::uint32_t scanned = 0;  // bytes looked at
  std::uint32_t line_start = 0;
  std::uint32_t lines = 0;  // complete lines, the request line included
};

struct ScanResult {
  enum class Outcome { incomplete, complete, refused };
  Outcome outcome = Outcome::incomplete;
  std::uint32_t head_bytes = 0;   // when complete: length including the empty line
  Status refusal = Status::none;  // when refused: 400 or 431
};

// `so_far` starts at the first byte of the request each time and grows; `scan` is carried along.
ScanResult scan_head(HeadScan& scan, std::string_view so_far, const HeadLimits& limits);

struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without surrounding white space
};

enum class Version : std::uint8_t { http_1_0, http_1_1 };

// Views into the bytes given to parse_head.
struct RequestHead {
  Version version = Version::http_1_1;
  std::string_view method;
  std::string_view target;  // origin-form only: starts with '/'
  std::string_view path;    // target up to '?'
  std::string_view query;   // after '?', or empty
  std::array<Field, kFieldsMaximum> fields;
  std::uint32_t field_count = 0;

  // The value of the only field with this name (ASCII case-insensitive), of the first if there are more;
  // nullopt when there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  // How many fields have this name.
  std::uint32_t count(std::string_view name) const;
};

// Status::none when well-formed, else what to answer (400, 431, 505). HTTP/1.0 needs no Host.
Status parse_head(std::string_view head, RequestHead& request, Version oldest = Version::http_1_1);

// True when a comma-separated list field contains the token, ASCII case-insensitive; looks at every field of
// that name.
bool has_token(const RequestHead& request, std::string_view field_name, std::string_view token);

}  // namespace holdfast::http
