// Text: a table people can read in a terminal of 100 columns, and the sentences around it.
#include <algorithm>
#include <array>
#include <cstdio>

#include "tune/obsolete.h"
#include "tune/print.h"

namespace holdfast::tune {
namespace {

constexpr std::size_t kColumns = 100;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

// "      why    ..." with the words wrapped below each other.
std::string paragraph(std::string_view head, const std::string& text) {
  if (text.empty()) return "";
  const std::size_t indent = 16;
  std::string result = padded("        " + std::string(head), indent);
  std::size_t column = indent;
  for (const std::string& word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > kColumns) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result + "\n";
}

std::string row_of(const Finding& finding, bool with_reason) {
  const Judgement& judgement = finding.judgement;
  const std::string current = judgement.current.size() > 30 ? "see below" : judgement.current;
  const std::string needed = judgement.needed.size() > 26 ? "see below" : judgement.needed;
  std::string text = padded(std::string(severity_name(judgement.severity)), 8) + padded(finding.key, 36) +
                     " " + padded(current, 27) + " " + needed + "\n";
  if (!with_reason) return text;
  if (current != judgement.current) text += paragraph("now", judgement.current);
  if (needed != judgement.needed) text += paragraph("need", judgement.needed);
  text += paragraph("why", judgement.why);
  if (judgement.severity == Severity::ok) return text + paragraph("from", finding.source);
  text += paragraph("cost", finding.cost) + paragraph("fix", judgement.fix);
  if (!finding.blocked.empty()) text += paragraph("but", "not by this process: " + finding.blocked);
  if (!finding.pinned.empty()) text += paragraph("but", finding.pinned);
  return text +
         paragraph("from", finding.source + "; it belongs to " + std::string(scope_name(finding.scope)));
}

std::string target_line(const Report& report) {
  const Target& target = report.target;
  return target_in_words(target) + ", " + grouped(target.message_bytes) + "-byte messages, " +
         share_text(target.active_millionths) + " active, " +
         (target.tls ? "TLS (not in holdfast yet)" : "no TLS") +
         (target.loopback ? ", clients on this host" : "") + ": " + grouped(report.shards) + " shards\n";
}

std::string bill_text(const Report& report) {
  std::string text = "memory for " + grouped(report.target.connections) + ":\n";
  for (const BillItem& item : report.bill)
    text += "        " + padded(item.what, 18) + padded(bytes_text(item.bytes), 12) + item.why + "\n";
  return text + "        " + padded("in all", 18) + bytes_text(total_bytes(report.bill)) + "\n";
}

std::string verdict(const Report& report) {
  std::string text = "This host holds " + grouped(report.capacity) +
                     " connections as it stands; the first wall is " + report.first_wall + ".\n";
  std::array<std::uint64_t, 4> counts{};
  for (const Finding& finding : report.findings)
    ++counts[static_cast<std::size_t>(finding.judgement.severity)];
  const std::string tally =
      grouped(counts[3]) + " walls, " + grouped(counts[2]) + " slow, " + grouped(counts[1]) + " advice";
  switch (report.exit_code) {
    case kExitReady:
      return text + "Ready for " + grouped(report.target.connections) + " (" + tally + ").\n";
    case kExitCannot:
      return text + "It cannot hold " + grouped(report.target.connections) + ": the memory is not there (" +
             tally + ").\n";
    default:
      return text + "Not tuned for " + grouped(report.target.connections) + " (" + tally +
             "): holdfast-tune plan shows what to change.\n";
  }
}

std::string reasons(std::string_view head, const std::vector<Reason>& reasons) {
  if (reasons.empty()) return "";
  std::string text = std::string(head) + "\n";
  for (const Reason& reason : reasons) text += "  " + reason.key + ": " + reason.why + "\n";
  return text;
}

std::string caches(const std::vector<Growth>& growth) {
  std::string text;
  for (const Growth& cache : growth) {
    std::array<char, 96> line{};
    std::snprintf(line.data(), line.size(), "        %-26s %6.2f x %7.1f B = %7.1f B\n", cache.cache.c_str(),
                  cache.objects_each, cache.bytes_each / cache.objects_each, cache.bytes_each);
    text += line.data();
  }
  return text;
}

std::string chain_text(const Proof& proof) {
  if (proof.hash_chains == 0) return "established hash: its size cannot be read here (Linux 6.1 has it)\n";
  const double chains = static_cast<double>(proof.hash_chains);
  std::array<char, 200> line{};
  std::snprintf(line.data(), line.size(),
                "established hash: %s chains; %.2f sockets in a chain now, %.2f with %s connections%s\n",
                grouped(proof.hash_chains).c_str(), static_cast<double>(proof.sockets_in_use) / chains,
                static_cast<double>(sockets_of(proof.report.target)) / chains,
                grouped(proof.report.target.connections).c_str(),
                proof.report.target.loopback ? ", both ends" : "");
  return line.data();
}

}  // namespace

std::string text_of(const Report& report, bool every_reason) {
  std::string text = target_line(report);
  for (const std::string& note : report.notes) text += paragraph("note", note);
  text += "\n" + padded("", 8) + padded("", 37) + padded("current", 28) + "needed\n";
  std::vector<const Finding*> sorted;
  for (const Finding& finding : report.findings) sorted.push_back(&finding);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Finding* one, const Finding* other) {
    return one->judgement.severity > other->judgement.severity;
  });
  for (const Finding* finding : sorted)
    text += row_of(*finding, every_reason || finding->judgement.severity != Severity::ok);
  return text + "\n" + bill_text(report) + "\n" + verdict(report);
}

std::string text_of(const Plan& plan) {
  std::string text = plan.changes.empty() ? "nothing to change\n" : diff_of(plan);
  text += reasons("set by somebody else (apply refuses, unless with --override-pins or --without=KEY):",
                  plan.pinned);
  text += reasons("not by this process:", plan.blocked);
  return text + reasons("by hand, or with --with=KEY where it is a setting:", plan.by_hand);
}

std::string text_of(const Proof& proof) {
  std::array<char, 400> lines{};
  std::string text = grouped(proof.connections) +
                     " connections on loopback, both ends in this kernel, held by " +
                     grouped(proof.children) + " processes (RLIMIT_NOFILE)\n";
  if (!proof.by_cache)
    text +=
        "/proc/slabinfo cannot be read without root: measured by MemAvailable, which other programs move as "
        "well\n";
  if (proof.disturbed) text += "others opened or closed sockets meanwhile: measure again on a quiet host\n";
  std::snprintf(lines.data(), lines.size(),
                "  a pair of sockets           %8.0f B\n%s  the accepted end            %8.0f B\n"
                "  watching it (poll, table)   %8.0f B\n",
                proof.pair_bytes, "", proof.end_bytes, proof.watching_bytes);
  text += lines.data();
  if (proof.by_cache)
    text += "  a pair, by cache:\n" + caches(proof.pair) + "  watching, by cache:\n" + caches(proof.watching);
  text += chain_text(proof) + "\nWith these bytes, " + target_line(proof.report);
  for (const std::string& note : proof.report.notes) text += paragraph("note", note);
  return text + bill_text(proof.report) + "\n" + verdict(proof.report);
}

std::string text_of(const std::vector<Drift>& rows) {
  std::string text;
  for (const Drift& row : rows) {
    text += padded(row.drifted        ? "drift"
                   : row.lost_at_boot ? "at boot"
                                      : "ok",
                   8) +
            padded(row.key, 45) + " " +
            (row.drifted ? row.current + ", applied was " + row.applied : row.current) + "\n";
    if (!row.others.empty()) text += paragraph("also", row.others);
  }
  return text;
}

std::string text_of(const Outcome& outcome, const std::string& verb) {
  std::string text;
  for (const std::string& key : outcome.restored) text += verb + " " + key + "\n";
  return text +
         reasons("changed by somebody else and left alone (--force takes these back too):", outcome.kept);
}

std::string explanation_of(const Facts& facts, const Target& target, const std::string& key) {
  for (const Knob& knob : all_knobs()) {
    if (knob.key != key) continue;
    const Judgement judgement = knob.judge(facts, target);
    return key + "\n" + paragraph("what", std::string(knob.what)) + paragraph("bad", std::string(knob.bad)) +
           paragraph("cost", std::string(knob.cost)) +
           paragraph("belongs", "to " + std::string(scope_name(knob.scope))) +
           paragraph("apply", knob.applies == Applies::automatically ? "sets it"
                              : knob.applies == Applies::on_request  ? "sets it with --with=" + key
                                                                     : "does not set it") +
           paragraph("here", judgement.current) +
           paragraph("needed", judgement.needed + ", for " + target_in_words(target)) +
           paragraph("why", judgement.why) + paragraph("from", std::string(knob.source));
  }
  const std::string_view obsolete = why_obsolete(key);
  return obsolete.empty() ? "" : key + "\n" + paragraph("what", "obsolete: " + std::string(obsolete));
}

std::string list_of_knobs() {
  std::string text;
  for (const Knob& knob : all_knobs()) text += std::string(knob.key) + "\n";
  return text;
}

}  // namespace holdfast::tune
