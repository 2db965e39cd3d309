// What one WebSocket handshake costs before the kernel: scan, parse, check, Origin, accept key, response; and
// each alone.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "http/request_head.h"
#include "http/upgrade.h"

namespace holdfast::http {
namespace {

// What a browser sends, about 490 bytes.
constexpr std::string_view kBrowserRequest =
    "GET /connection/websocket HTTP/1.1\r\n"
    "Host: chat.example.com\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 "
    "Safari/537.36\r\n"
    "Upgrade: websocket\r\n"
    "Origin: https://chat.example.com\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "\r\n";

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kBrowserRequest.size()));
}

void handshake_scan(benchmark::State& state) {
  for (auto _ : state) {
    HeadScan scan;
    benchmark::DoNotOptimize(scan_head(scan, kBrowserRequest, {}));
  }
  count_bytes(state);
}
BENCHMARK(handshake_scan);

void handshake_parse(benchmark::State& state) {
  RequestHead request;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parse_head(kBrowserRequest, request));
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(handshake_parse);

void handshake_check_upgrade(benchmark::State& state) {
  RequestHead request;
  if (parse_head(kBrowserRequest, request) != Status::none) state.SkipWithError("the request does not parse");
  for (auto _ : state) benchmark::DoNotOptimize(check_upgrade(request));
}
BENCHMARK(handshake_check_upgrade);

void handshake_same_origin(benchmark::State& state) {
  RequestHead request;
  if (parse_head(kBrowserRequest, request) != Status::none) state.SkipWithError("the request does not parse");
  const OriginPolicy policy;
  for (auto _ : state) benchmark::DoNotOptimize(origin_allowed(request, policy));
}
BENCHMARK(handshake_same_origin);

void handshake_accept_key(benchmark::State& state) {
  AcceptKey keys;
  std::array<char, AcceptKey::kLength> accept;
  for (auto _ : state) {
    keys.compute("dGhlIHNhbXBsZSBub25jZQ==", accept);
    benchmark::DoNotOptimize(accept);
  }
}
BENCHMARK(handshake_accept_key);

void handshake_whole(benchmark::State& state) {
  AcceptKey keys;
  const OriginPolicy policy;
  std::array<char, 512> response;
  for (auto _ : state) {
    HeadScan scan;
    const ScanResult scanned = scan_head(scan, kBrowserRequest, {});
    RequestHead request;
    const Status parsed = parse_head(kBrowserRequest.substr(0, scanned.head_bytes), request);
    if (parsed != Status::none || check_upgrade(request) != Status::none ||
        !origin_allowed(request, policy)) {
      state.SkipWithError("the request was refused");
      break;
    }
    std::array<char, AcceptKey::kLength> accept;
    keys.compute(*request.find("Sec-WebSocket-Key"), accept);
    benchmark::DoNotOptimize(write_accept_response(response, accept, "", ""));
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(handshake_whole);

}  // namespace
}  // namespace holdfast::http
