// Names are holdfast_ and the counter's name; what only grows ends in _total.
#include "admin/metrics.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace holdfast::admin {
namespace {

class Page {
 public:
  void add(std::string_view prefix, const Metric& metric, std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    add_text(prefix, metric, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  void add_text(std::string_view prefix, const Metric& metric, std::string_view value) {
    const std::string name = std::string(prefix).append(metric.name).append(metric.gauge ? "" : "_total");
    text_.append("# HELP ").append(name).append(" ").append(metric.help).append("\n");
    text_.append("# TYPE ").append(name).append(metric.gauge ? " gauge\n" : " counter\n");
    text_.append(name).append(" ").append(value).append("\n");
  }
  void add_raw(std::string_view lines) { text_.append(lines); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// "name=value name=value ..."
void add_server_counters(Page& page, std::string_view pairs) {
  while (!pairs.empty()) {
    const std::size_t length = pairs.find(' ');
    const std::string_view pair = pairs.substr(0, length);
    pairs.remove_prefix(length == std::string_view::npos ? pairs.size() : length + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const Metric* metric = find_server_metric(pair.substr(0, equals));
    const Metric unknown = {pair.substr(0, equals), true, "Not described."};
    page.add_text("holdfast_", metric != nullptr ? *metric : unknown, pair.substr(equals + 1));
  }
}

template <class Counters>
void add_sum(Page& page, std::string_view prefix, const Metric* metric, std::string_view name,
             std::span<const Counters> shards, typename Counters::Counter Counters::*counter) {
  std::uint64_t sum = 0;
  for (const Counters& shard : shards) sum += (shard.*counter).get();
  page.add(prefix, metric != nullptr ? *metric : Metric{name, true, "Not described."}, sum);
}

void add_process(Page& page, const Node& node) {
  std::array<char, 32> text;
  const int length = std::snprintf(text.data(), text.size(), "%.3f", cpu_seconds());
  page.add_text("process_", {"cpu_seconds", false, "Processor time used, all threads together."},
                {text.data(), static_cast<std::size_t>(length)});
  page.add("process_", {"resident_memory_bytes", true, "Resident memory."}, resident_bytes());
  page.add("process_", {"open_fds", true, "Open descriptors; connections are not among them."},
           open_descriptors());
  page.add("process_", {"start_time_seconds", true, "When the process started, since 1970."},
           static_cast<std::uint64_t>(node.started_at_s));
}

}  // namespace

std::string metrics_text(const MetricsSources& sources) {
  Page page;
  page.add_raw(
      "# HELP holdfast_build_info Always 1; says which version this is.\n"
      "# TYPE holdfast_build_info gauge\nholdfast_build_info{version=\"");
  page.add_raw(sources.node.facts().version);
  page.add_raw("\"} 1\n");
  add_server_counters(page, sources.server_counters);
#define HOLDFAST_ADD_GATEWAY_METRIC(name)                                                \
  add_sum(page, "holdfast_gateway_", find_gateway_metric(#name), #name, sources.gateway, \
          &gateway::Counters::name);
  HOLDFAST_GATEWAY_COUNTERS(HOLDFAST_ADD_GATEWAY_METRIC)
#undef HOLDFAST_ADD_GATEWAY_METRIC
#define HOLDFAST_ADD_API_METRIC(name)                       \
  add_sum(page, "holdfast_", find_api_metric(#name), #name, \
          std::span<const ApiCounters>(sources.node.counters), &ApiCounters::name);
  HOLDFAST_API_COUNTERS(HOLDFAST_ADD_API_METRIC)
#undef HOLDFAST_ADD_API_METRIC
  page.add("holdfast_", {"publication_memory_bytes", true, "Charged for publications."},
           sources.publications.used_bytes());
  page.add("holdfast_", {"publication_memory_bound_bytes", true, "The bound publication_memory_bytes."},
           sources.publications.bound_bytes());
  page.add("holdfast_", {"publication_memory_refusals", false, "Publications refused at that bound."},
           sources.publications.refusals());
  page.add("holdfast_", {"draining", true, "1 while the server is being shut down."},
           sources.node.draining ? 1u : 0u);
  add_process(page, sources.node);
  return page.take();
}

}  // namespace holdfast::admin
