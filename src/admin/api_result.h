// The results of the HTTP API as JSON: each function appends the object that stands behind "result". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/operations.h"

namespace holdfast::admin {

// What this process says of itself.
struct NodeFacts {
  std::string_view uid;
  std::string_view name;
  std::string_view version;
  std::uint64_t uptime_s = 0;
  double cpu_percent = 0;  // of one core, since the start
  std::uint64_t resident_bytes = 0;
};

void append_result(std::string& out, const gateway::PublishAnswer& answer);
void append_result(std::string& out, const gateway::BroadcastAnswer& answer);
void append_result(std::string& out, const gateway::TargetAnswer& answer);
void append_result(std::string& out, const gateway::PresenceAnswer& answer);
void append_result(std::string& out, const gateway::PresenceStatsAnswer& answer);
void append_result(std::string& out, const gateway::HistoryAnswer& answer);
void append_result(std::string& out, const gateway::RemoveHistoryAnswer& answer);
void append_result(std::string& out, const gateway::ChannelsAnswer& answer);
void append_result(std::string& out, const gateway::InfoAnswer& answer, const NodeFacts& node);

// {"code":102,"message":"unknown channel"}
void append_error(std::string& out, gateway::ErrorCode code);

}  // namespace holdfast::admin
