// The metrics page: every counter is there, described, once, in a form that scrapers read.
#include "admin/metrics.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "shard/counters.h"

namespace holdfast::admin {
namespace {

std::string page() {
  static const std::vector<gateway::Counters> gateway(2);
  static gateway::PublicationBudget budget(1000);
  static Node node(2);
  node.counters[0].api_requests.set(3);
  node.counters[1].api_requests.set(4);
  return metrics_text({"connections_open=12 accepted=34 strange=56", gateway, budget, node});
}

TEST(Metrics, EveryCounterIsDescribed) {
#define HOLDFAST_EXPECT_SERVER(name) EXPECT_NE(find_server_metric(#name), nullptr) << #name;
  HOLDFAST_COUNTERS(HOLDFAST_EXPECT_SERVER)
  HOLDFAST_MAXIMA(HOLDFAST_EXPECT_SERVER)
#undef HOLDFAST_EXPECT_SERVER
#define HOLDFAST_EXPECT_GATEWAY(name) EXPECT_NE(find_gateway_metric(#name), nullptr) << #name;
  HOLDFAST_GATEWAY_COUNTERS(HOLDFAST_EXPECT_GATEWAY)
#undef HOLDFAST_EXPECT_GATEWAY
#define HOLDFAST_EXPECT_API(name) EXPECT_NE(find_api_metric(#name), nullptr) << #name;
  HOLDFAST_API_COUNTERS(HOLDFAST_EXPECT_API)
#undef HOLDFAST_EXPECT_API
}

TEST(Metrics, CountersAreSummedOverShards) {
  const std::string text = page();
  EXPECT_NE(text.find("\nholdfast_connections_open 12\n"), std::string::npos);
  EXPECT_NE(text.find("\nholdfast_accepted_total 34\n"), std::string::npos);
  EXPECT_NE(text.find("\nholdfast_strange 56\n"), std::string::npos);
  EXPECT_NE(text.find("\nholdfast_api_requests_total 7\n"), std::string::npos);
  EXPECT_NE(text.find("\nholdfast_publication_memory_bound_bytes 1000\n"), std::string::npos);
}

TEST(Metrics, EachMetricStandsOnceBehindItsHelpAndType) {
  std::istringstream lines(page());
  const std::regex sample(R"(([a-z_]+)(\{version="[^"]*"\})? [0-9]+(\.[0-9]+)?)");
  std::set<std::string> seen;
  std::string help, type, line;
  while (std::getline(lines, help) && std::getline(lines, type) && std::getline(lines, line)) {
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    const std::string name = match[1];
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(help.rfind("# HELP " + name + " ", 0), 0u) << help;
    const bool grows = name.ends_with("_total");
    EXPECT_EQ(type, "# TYPE " + name + (grows ? " counter" : " gauge"));
  }
  EXPECT_GT(seen.size(), 50u);
}

}  // namespace
}  // namespace holdfast::admin
