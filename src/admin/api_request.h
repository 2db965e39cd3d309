// ApiRequest: what the HTTP API can be asked, and the reader that makes one of a JSON body.
//
// The rules are those of client commands (gateway/command_reader.h): unknown members are skipped but must be
// JSON, null means absent, of a member that comes twice the last counts, a member of another type makes the
// request bad. Views point into the reader and die with its next read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/operations.h"

namespace holdfast::gateway {
class JsonWalk;
}

namespace holdfast::admin {

enum class Method : std::uint8_t {
  publish,
  broadcast,
  subscribe,
  unsubscribe,
  disconnect,
  refresh,
  presence,
  presence_stats,
  history,
  history_remove,
  channels,
  info,
  batch,
};
std::string_view name_of(Method method);
std::optional<Method> method_named(std::string_view name);

// One of a batch: `request` is JSON.
struct BatchCommand {
  std::string_view method;
  std::string_view request;
};

struct ApiRequest {
  gateway::Target target;
  std::string_view channel;
  std::vector<std::string_view> channels;
  std::string_view data;  // JSON on one line, unless `binary`
  bool binary = false;
  bool has_data = false;
  std::string_view info;  // JSON on one line
  std::vector<gateway::Tag> tags;
  bool skip_history = false;
  bool delta = false;
  std::string_view idempotency_key;
  std::uint64_t version = 0;
  std::string_view version_epoch;
  std::int64_t expires_at_s = 0;
  bool expired = false;
  bool has_since = false;  // also recover_since
  gateway::Position since;
  gateway::FeatureOverride overrides;
  std::vector<std::string_view> keep;
  std::uint16_t code = 0;  // 0: not said
  std::string_view reason;
  std::int32_t limit = 0;
  bool reverse = false;
  std::string_view pattern;
  bool parallel = false;
  std::vector<BatchCommand> commands;
};

class ApiReader {
 public:
  ApiReader();
  ~ApiReader();
  ApiReader(const ApiReader&) = delete;
  ApiReader& operator=(const ApiReader&) = delete;

  // False: error 107. An empty body is an empty object.
  bool read(Method method, std::string_view body, ApiRequest& request);
  // The form in which the method stands in the body: {"method": ..., "params": {...}}.
  bool read_legacy(std::string_view body, BatchCommand& command);
  // Gives back the memory that a large body took; views die.
  void forget();

 private:
  gateway::JsonWalk& walk_for(std::string_view body);
  bool settle_payloads(Method method, ApiRequest& request);
  static bool decode(std::string_view base64, std::string& into);
  // True when the bytes are JSON; removes line breaks.
  static bool make_json(std::string& bytes);

  std::unique_ptr<gateway::JsonWalk> small_;
  std::unique_ptr<gateway::JsonWalk> large_;  // for one body that does not fit there
  std::string_view base64_data_;
  std::string_view base64_info_;
  std::string decoded_data_;
  std::string decoded_info_;
};

}  // namespace holdfast::admin
