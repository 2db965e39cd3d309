// The response, piece by piece; nothing is looked at twice.
#include "http/response_writer.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "base/check.h"
#include "http/status.h"
#include "http/syntax.h"

namespace holdfast::http {
namespace {

struct Phrase {
  std::uint16_t status;
  std::string_view reason;
};

// What is no refusal; those are in status.h.
constexpr Phrase kPhrases[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
};

constexpr std::array<std::string_view, 3> kOurs = {"Content-Length", "Transfer-Encoding", "Connection"};

// Clients ignore it (RFC 9112 4), so that an unusual status may go without.
std::string_view phrase_of(std::uint16_t status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.reason;
  }
  return status >= 400 ? reason_phrase(static_cast<Status>(status)) : std::string_view();
}

void append_number(std::string& out, std::uint64_t number, int base) {
  std::array<char, 20> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), written.ptr);
}

}  // namespace

ResponseWriter::ResponseWriter(std::string* out, std::uint16_t status, bool keep_alive, Version version)
    : out_(out), version_(version), keep_alive_(keep_alive) {
  CHECK(status >= 200 && status <= 599);
  out_->append("HTTP/1.1 ");
  append_number(*out_, status, 10);
  out_->append(" ").append(phrase_of(status)).append("\r\n");
}

bool ResponseWriter::field(std::string_view name, std::string_view value) {
  if (!is_token(name) || has_control_byte(value)) return false;
  for (const std::string_view ours : kOurs) {
    if (equals_ignoring_case(name, ours)) return false;
  }
  out_->append(name).append(": ").append(value).append("\r\n");
  return true;
}

void ResponseWriter::date(std::int64_t unix_time_s) {
  field("Date", http_date(unix_time_s));
}

void ResponseWriter::content_length(std::size_t bytes) {
  out_->append("Content-Length: ");
  append_number(*out_, bytes, 10);
  out_->append("\r\n");
}

void ResponseWriter::end_head() {
  if (!keep_alive_) {
    out_->append("Connection: close\r\n");
  } else if (version_ == Version::http_1_0) {
    out_->append("Connection: keep-alive\r\n");
  }
  out_->append("\r\n");
}

void ResponseWriter::body(std::string_view bytes) {
  head_of(bytes.size());
  out_->append(bytes);
}

void ResponseWriter::no_body() {
  end_head();
}

void ResponseWriter::head_of(std::size_t body_bytes) {
  content_length(body_bytes);
  end_head();
}

bool ResponseWriter::begin_stream() {
  const bool chunked = version_ == Version::http_1_1;
  if (chunked) {
    out_->append("Transfer-Encoding: chunked\r\n");
  } else {
    keep_alive_ = false;
  }
  end_head();
  return chunked;
}

void append_chunk(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  append_number(out, piece.size(), 16);
  out.append("\r\n").append(piece).append("\r\n");
}

void append_last_chunk(std::string& out) {
  out.append("0\r\n\r\n");
}

std::string http_date(std::int64_t unix_time_s) {
  using namespace std::chrono;
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::int64_t kLast = 253'402'300'799;  // of the year 9999: four digits are all there are
  CHECK(unix_time_s >= 0 && unix_time_s <= kLast);
  const sys_seconds time{seconds(unix_time_s)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::array<char, 64> text;
  const int length = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace holdfast::http
