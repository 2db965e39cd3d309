// JSON: one object per report. Keys may be added, never renamed: perf/million and other programs read them.
#include <cstdio>

#include "tune/print.h"

namespace holdfast::tune {
namespace {

std::string pair_of(std::string_view key, std::string_view value) {
  return json_quoted(key) + ":" + json_quoted(value);
}

std::string pair_of(std::string_view key, std::uint64_t value) {
  return json_quoted(key) + ":" + std::to_string(value);
}

std::string flag_of(std::string_view key, bool value) {
  return json_quoted(key) + (value ? ":true" : ":false");
}

std::string array_of(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + item;
  return text + "]";
}

std::string_view applies_name(Applies applies) {
  switch (applies) {
    case Applies::automatically:
      return "automatically";
    case Applies::on_request:
      return "on request";
    case Applies::never:
      return "never";
  }
  return "";
}

std::string json_of(const Finding& finding) {
  const Judgement& judgement = finding.judgement;
  std::string text = "{" + pair_of("key", finding.key) + "," + pair_of("current", judgement.current) + "," +
                     pair_of("needed", judgement.needed) + "," + pair_of("why", judgement.why) + "," +
                     pair_of("cost", finding.cost) + "," + pair_of("source", finding.source) + "," +
                     pair_of("severity", severity_name(judgement.severity)) + "," +
                     pair_of("fix", judgement.fix) + "," + pair_of("scope", scope_name(finding.scope)) + "," +
                     pair_of("applies", applies_name(finding.applies)) + "," +
                     pair_of("blocked", finding.blocked) + "," + pair_of("pinned", finding.pinned);
  if (finding.capacity) text += "," + pair_of("capacity", *finding.capacity);
  return text + "}";
}

std::string json_of(const std::vector<Reason>& reasons) {
  std::vector<std::string> items;
  for (const Reason& reason : reasons)
    items.push_back("{" + pair_of("key", reason.key) + "," + pair_of("why", reason.why) + "}");
  return array_of(items);
}

std::string json_of(const std::vector<Growth>& growth) {
  std::vector<std::string> items;
  for (const Growth& cache : growth)
    items.push_back("{" + pair_of("cache", cache.cache) + ",\"bytes\":" + std::to_string(cache.bytes_each) +
                    "}");
  return array_of(items);
}

}  // namespace

std::string json_of(const Report& report) {
  std::vector<std::string> findings, bill, notes;
  for (const Finding& finding : report.findings) findings.push_back(json_of(finding));
  for (const BillItem& item : report.bill)
    bill.push_back("{" + pair_of("what", item.what) + "," + pair_of("bytes", item.bytes) + "," +
                   pair_of("why", item.why) + "}");
  for (const std::string& note : report.notes) notes.push_back(json_quoted(note));
  return "{" + flag_of("ready", report.ready()) + "," +
         pair_of("exit_code", static_cast<std::uint64_t>(report.exit_code)) + "," +
         pair_of("capacity", report.capacity) + "," + pair_of("first_wall", report.first_wall) + "," +
         pair_of("connections", report.target.connections) + "," +
         pair_of("profile", report.target.profile.name) + "," + pair_of("shards", report.shards) + "," +
         pair_of("memory_bytes", total_bytes(report.bill)) + ",\n\"bill\":" + array_of(bill) +
         ",\n\"notes\":" + array_of(notes) + ",\n\"findings\":" + array_of(findings) + "}\n";
}

std::string json_of(const Plan& plan) {
  constexpr std::string_view kKinds[] = {"folder", "file", "setting"};
  std::vector<std::string> changes;
  for (const Change& change : plan.changes) {
    changes.push_back("{" + pair_of("kind", kKinds[static_cast<std::size_t>(change.kind)]) + "," +
                      pair_of("path", change.path) + "," + flag_of("existed", change.existed) + "," +
                      pair_of("prior", change.prior) + "," + pair_of("wanted", change.wanted) + "}");
  }
  return "{\"changes\":" + array_of(changes) + ",\n\"pinned\":" + json_of(plan.pinned) +
         ",\n\"blocked\":" + json_of(plan.blocked) + ",\n\"by_hand\":" + json_of(plan.by_hand) + "}\n";
}

std::string json_of(const Proof& proof) {
  return "{" + pair_of("sockets", proof.connections) + ",\"pair_bytes\":" + std::to_string(proof.pair_bytes) +
         ",\"end_bytes\":" + std::to_string(proof.end_bytes) +
         ",\"watching_bytes\":" + std::to_string(proof.watching_bytes) + "," +
         flag_of("by_cache", proof.by_cache) + "," + flag_of("disturbed", proof.disturbed) + "," +
         pair_of("hash_chains", proof.hash_chains) + "," + pair_of("sockets_in_use", proof.sockets_in_use) +
         ",\n\"pair\":" + json_of(proof.pair) + ",\n\"watching\":" + json_of(proof.watching) +
         ",\n\"check\":" + json_of(proof.report) + "}\n";
}

std::string json_of(const std::vector<Drift>& rows, int exit_code) {
  std::vector<std::string> items;
  for (const Drift& row : rows) {
    items.push_back("{" + pair_of("key", row.key) + "," + pair_of("applied", row.applied) + "," +
                    pair_of("current", row.current) + "," + pair_of("others", row.others) + "," +
                    flag_of("drifted", row.drifted) + "," + flag_of("lost_at_boot", row.lost_at_boot) + "}");
  }
  return "{" + pair_of("exit_code", static_cast<std::uint64_t>(exit_code)) +
         ",\n\"rows\":" + array_of(items) + "}\n";
}

}  // namespace holdfast::tune
