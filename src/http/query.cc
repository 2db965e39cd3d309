// One walk over the parameters, one over the bytes of a value.
#include "http/query.h"

#include "http/syntax.h"

namespace holdfast::http {
namespace {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hexadecimal_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hexadecimal_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
}

}  // namespace

std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t length = query.find('&');
    const std::string_view parameter = query.substr(0, length);
    query.remove_prefix(length == std::string_view::npos ? query.size() : length + 1);
    const std::size_t equals = parameter.find('=');
    if (parameter.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1);
  }
  return std::nullopt;
}

std::optional<std::string> decode_parameter(std::string_view query, std::string_view name) {
  const auto value = find_parameter(query, name);
  return value ? percent_decoded(*value) : std::nullopt;
}

}  // namespace holdfast::http
