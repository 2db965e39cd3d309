// Writing and reading journals.
#include "tune/journal.h"

#include "absl/status/status.h"
#include "base/siphash.h"

namespace holdfast::tune {
namespace {

constexpr std::string_view kHeader = "holdfast-tune-journal 1\n";
// Against accidents, not against forgery: who can write the journal can write /etc as well.
constexpr base::SipKey kKey{0x686f6c6466617374u, 0x2d6a6f75726e616cu};

constexpr std::string_view kKindNames[] = {"folder", "file", "setting"};

std::string end_line(const std::string& body, std::size_t changes) {
  return "end " + std::to_string(changes) + " " + std::to_string(base::siphash(kKey, body)) + "\n";
}

absl::StatusOr<Change> parse_change(const std::string& line) {
  const std::vector<std::string> fields = split(line, ' ');
  const absl::Status bad = absl::DataLossError("a line is not a change: " + line.substr(0, 80));
  if (fields.size() != 5 || (fields[2] != "existed" && fields[2] != "new")) return bad;
  Change change;
  bool known = false;
  for (std::size_t kind = 0; kind < std::size(kKindNames); ++kind) {
    if (fields[0] != kKindNames[kind]) continue;
    change.kind = static_cast<Change::Kind>(kind);
    known = true;
  }
  const auto path = unescaped(fields[1]);
  const auto prior = unescaped(fields[3]);
  const auto wanted = unescaped(fields[4]);
  if (!known || !path || !prior || !wanted || path->empty() || path->front() != '/') return bad;
  change.path = *path;
  change.existed = fields[2] == "existed";
  change.prior = *prior;
  change.wanted = *wanted;
  return change;
}

}  // namespace

std::string format_journal(const Journal& journal) {
  std::string text(kHeader);
  text += "about " + escaped(journal.about) + "\n";
  for (const Change& change : journal.changes) {
    text += std::string(kKindNames[static_cast<std::size_t>(change.kind)]) + " " + escaped(change.path) +
            (change.existed ? " existed " : " new ") + escaped(change.prior) + " " + escaped(change.wanted) +
            "\n";
  }
  return text + end_line(text, journal.changes.size());
}

absl::StatusOr<Journal> parse_journal(std::string_view text) {
  if (text.substr(0, kHeader.size()) != kHeader)
    return absl::DataLossError("it does not begin with \"" + std::string(trimmed(kHeader)) + "\"");
  const std::size_t end = text.rfind("\nend ");
  if (end == std::string_view::npos) return absl::DataLossError("its end is missing");
  const std::string body(text.substr(0, end + 1));
  Journal journal;
  for (const std::string& line : split(std::string_view(body).substr(kHeader.size()), '\n')) {
    if (line.compare(0, 6, "about ") == 0) {
      journal.about = unescaped(std::string_view(line).substr(6)).value_or("");
      continue;
    }
    auto change = parse_change(line);
    if (!change.ok()) return change.status();
    journal.changes.push_back(*std::move(change));
  }
  if (text.substr(end + 1) != end_line(body, journal.changes.size()))
    return absl::DataLossError("its checksum is not that of its lines");
  return journal;
}

}  // namespace holdfast::tune
