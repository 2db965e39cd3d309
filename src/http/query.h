// Query: the parameters behind the question mark of a request target. Pure.
//
// Of a parameter that comes twice the first counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

// The parameter's value as it stands there, a view into the query; nullopt when it is not there.
std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name);

// The value percent-decoded, with + for a space; nullopt also when it is badly encoded.
std::optional<std::string> decode_parameter(std::string_view query, std::string_view name);

}  // namespace holdfast::http
