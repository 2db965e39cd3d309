// Credentials: does a request carry the API's key? And the one secret the program may have to draw. Pure.
//
// The key comes as `X-API-Key: KEY`, `Authorization: apikey KEY` or `?api_key=KEY`; the first that is there
// counts. Compared in a time that depends on lengths only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/settings.h"
#include "http/request_head.h"

namespace holdfast::admin {

bool authorized(const http::RequestHead& request, const gateway::ApiSettings& settings);

// The value of a query's parameter, percent-decoded, with + for a space; nullopt when it is not there or
// badly encoded.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// 32 hexadecimal digits from the system's entropy.
std::string draw_secret();

}  // namespace holdfast::admin
