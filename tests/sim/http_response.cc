// HttpResponse: head and chunks.
#include "http_response.h"

#include <charconv>

namespace holdfast::sim {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

template <class Number>
bool is_number(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc{} && end == text.data() + text.size();
}

// False: not as it must be.
bool take_field(std::string_view line, HttpResponse& response) {
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon), value = line.substr(colon + 2);
  if (name == "Content-Length") {
    std::size_t length = 0;
    if (response.length.has_value() || !is_number(value, length)) return false;
    response.length = length;
  }
  if (name == "Transfer-Encoding") response.chunked = value == "chunked";
  if (name == "Connection") response.closes = value == "close";
  return true;
}

}  // namespace

std::optional<HttpResponse> read_response_head(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  HttpResponse response;
  response.head_bytes = end + 4;
  std::string_view rest = bytes.substr(0, end + 2);
  std::uint16_t status = 0;
  // "HTTP/1.1 200 OK"
  if (!rest.starts_with("HTTP/1.1 ") || rest.size() < 14 || rest[12] != ' ') return response;
  if (!is_number(rest.substr(9, 3), status)) return response;
  rest.remove_prefix(rest.find(kLineEnd) + kLineEnd.size());
  while (!rest.empty()) {
    const std::size_t line = rest.find(kLineEnd);
    if (!take_field(rest.substr(0, line), response)) return response;
    rest.remove_prefix(line + kLineEnd.size());
  }
  response.status = status;
  return response;
}

std::size_t ChunkReader::read(std::string_view bytes, std::string& body) {
  std::size_t taken = 0;
  while (!ended_ && !broken_) {
    const std::size_t chunk = read_chunk(bytes.substr(taken), body);
    if (chunk == 0) break;
    taken += chunk;
  }
  return taken;
}

std::size_t ChunkReader::read_chunk(std::string_view bytes, std::string& body) {
  const std::size_t line = bytes.find(kLineEnd);
  if (line == std::string_view::npos) return 0;
  std::size_t size = 0;
  const std::size_t whole = line + 2 * kLineEnd.size();
  broken_ = !is_number(bytes.substr(0, line), size, 16);
  if (broken_ || bytes.size() < whole + size) return 0;
  broken_ = bytes.substr(line + kLineEnd.size() + size, kLineEnd.size()) != kLineEnd;
  if (broken_) return 0;
  body.append(bytes.substr(line + kLineEnd.size(), size));
  ended_ = size == 0;
  return whole + size;
}

}  // namespace holdfast::sim
