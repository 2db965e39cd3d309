// The metrics page: counters of the server, of the gateway and of the API, in the Prometheus text format
// (version 0.0.4). Pure but for the figures of the process.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/node.h"
#include "gateway/counters.h"
#include "gateway/publication.h"

namespace holdfast::admin {

struct MetricsSources {
  std::string server_counters;  // Server::counters()
  std::span<const gateway::Counters> gateway;
  const gateway::PublicationBudget& publications;
  const Node& node;
};

std::string metrics_text(const MetricsSources& sources);

struct Metric {
  std::string_view name;  // as in the counters
  bool gauge;
  std::string_view help;
};
// What is known of a counter; nullptr: nothing.
const Metric* find_server_metric(std::string_view name);
const Metric* find_gateway_metric(std::string_view name);
const Metric* find_api_metric(std::string_view name);

}  // namespace holdfast::admin
