// Fuzz target: a conversation with the API, from the bytes of a connection to what is asked of the gateway.
//
// Input: a byte that chooses in which pieces the rest arrives, then the stream; "K" in place of a key is the
// right one. What must hold besides not crashing: each request is answered once and in order, any split gives
// the same answers, answers are JSON where they say so, and without the key nothing is asked of the gateway.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../unit/admin/fake_operations.h"
#include "admin/api_routes.h"
#include "admin/conversation.h"
#include "base/check.h"
#include "gateway/json_text.h"

namespace {

using holdfast::admin::ApiRoutes;
using holdfast::admin::Conversation;
using holdfast::admin::Node;
using holdfast::admin::Response;
using holdfast::admin::tests::FakeOperations;
using holdfast::gateway::JsonText;

const holdfast::http::RequestLimits kLimits{
    .head = {.head_bytes = 512, .fields = 16}, .body_bytes = 4096, .chunk_overhead_bytes = 64};
constexpr std::size_t kAnswerBytesMaximum = 1 << 20;

struct Talk {
  std::string answers;
  std::string asked;
  bool operator==(const Talk&) const = default;
};

Talk talk(std::string_view stream, std::size_t step) {
  static Node node(1);
  static JsonText json(kAnswerBytesMaximum);
  holdfast::gateway::ApiSettings settings;
  settings.key.text = "K";
  FakeOperations operations;
  ApiRoutes routes(operations, {[&settings]() -> const holdfast::gateway::ApiSettings& { return settings; },
                                [] { return std::string("m\n"); }, &node, &node.counters[0]});
  Conversation conversation(&kLimits);
  Talk result;
  std::size_t requests = 0;
  std::size_t responses = 0;
  const auto on_request = [&](const holdfast::http::ReceivedRequest& request, std::uint64_t number) {
    ++requests;
    const bool has_key = request.head.find("X-API-Key") || request.head.find("Authorization") ||
                         request.head.query.find("api_key") != std::string_view::npos;
    const std::size_t asked_before = operations.said.size();
    routes.serve(request, [&](const Response& response) {
      ++responses;
      if (response.content_type == "application/json") CHECK(json.valid(response.body));
      conversation.answer(number, response, 0);
    });
    CHECK(has_key || operations.said.size() == asked_before);
  };
  for (std::size_t place = 0; place < stream.size(); place += step) {
    // A copy of the exact size, so that a sanitizer sees a view that outlives it.
    const std::string piece(stream.substr(place, step));
    conversation.receive(piece, on_request);
    do {
      result.answers += std::exchange(conversation.output(), {});
      conversation.resume(on_request);
    } while (!conversation.output().empty());
  }
  CHECK(requests == responses);
  // Said only to a client whose body has not come along.
  using holdfast::http::kContinueResponse;
  while (true) {
    const std::size_t place = result.answers.find(kContinueResponse);
    if (place == std::string::npos) break;
    result.answers.erase(place, kContinueResponse.size());
  }
  // What the node says of itself changes with time.
  result.asked = operations.said;
  if (result.asked.find("info ") != std::string::npos) result.answers.clear();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const Talk whole = talk(stream, std::max<std::size_t>(stream.size(), 1));
  CHECK(talk(stream, std::size_t{bytes[0]} + 1) == whole);
  return 0;
}
