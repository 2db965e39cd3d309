// Credentials: does a request carry the API's key? And the one secret the program may have to draw. Pure.
//
// The key comes as `X-API-Key: KEY`, `Authorization: apikey KEY` or `?api_key=KEY`; the first that is there
// counts. Compared in a time that depends on lengths only.
#pragma once

#include <string>

#include "gateway/settings.h"
#include "http/request_head.h"

namespace holdfast::admin {

bool authorized(const http::RequestHead& request, const gateway::ApiSettings& settings);

// 32 hexadecimal digits from the system's entropy.
std::string draw_secret();

}  // namespace holdfast::admin
