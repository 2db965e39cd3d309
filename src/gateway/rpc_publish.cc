// One object, walked once; unknown members are skipped.
#include "gateway/rpc_publish.h"

#include "gateway/json_text.h"
#include "gateway/json_walk.h"

namespace holdfast::gateway {

namespace ondemand = simdjson::ondemand;

RpcPublishReader::RpcPublishReader(std::size_t bytes_maximum)
    : walk_(std::make_unique<JsonWalk>(bytes_maximum)) {}

RpcPublishReader::~RpcPublishReader() = default;

bool RpcPublishReader::read(std::string_view text, PublishCall& call) {
  call = {};
  if (!walk_->load(text)) return false;
  ondemand::object object;
  if (walk_->document().get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto result : object) {
    ondemand::field member;
    std::string_view name;
    if (std::move(result).get(member) != simdjson::SUCCESS) return false;
    if (member.unescaped_key().get(name) != simdjson::SUCCESS) return false;
    ondemand::value value = member.value();
    bool read = true;
    if (name == "channel") {
      read = value.get_string().get(call.channel) == simdjson::SUCCESS;
    } else if (name == "idempotency_key") {
      read = value.get_string().get(call.idempotency_key) == simdjson::SUCCESS;
    } else if (name == "data") {
      read = walk_->take_raw(value, kJsonDepthMaximum - 1, call.payload);
    } else {
      read = walk_->valid(value, kJsonDepthMaximum - 1);
    }
    if (!read) return false;
  }
  call.json = true;
  return !call.payload.empty() && walk_->at_end();
}

}  // namespace holdfast::gateway
