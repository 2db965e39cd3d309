// Comparing the newest journal's word on each key with the host.
#include "tune/verify.h"

#include <set>

namespace holdfast::tune {
namespace {

void add_others(const Facts& facts, const Change& change, Drift* drift) {
  const auto pins = facts.pins.find(sysctl_key(change.path));
  if (change.kind != Change::Kind::setting || pins == facts.pins.end()) return;
  for (const Pin& pin : pins->second)
    drift->others += (drift->others.empty() ? "" : "; ") + pin.where + " sets " + pin.value;
  // Our file comes last among the files, but /etc/sysctl.conf and tuned come after it.
  const Pin& last = pins->second.back();
  const bool after_ours =
      last.where.compare(0, 17, "/etc/sysctl.conf:") == 0 || last.where.compare(0, 5, "tuned") == 0;
  drift->lost_at_boot = after_ours && last.value != single_spaced(change.wanted);
}

}  // namespace

std::vector<Drift> verify(const Facts& facts, const std::vector<StoredJournal>& journals) {
  std::vector<Drift> rows;
  std::set<std::string> seen;
  for (auto stored = journals.rbegin(); stored != journals.rend(); ++stored) {
    for (const Change& change : stored->journal.changes) {
      if (change.kind == Change::Kind::folder || !seen.insert(change.path).second) continue;
      const Present present = present_of(facts.host, change);
      const bool setting = change.kind == Change::Kind::setting;
      Drift drift;
      drift.key = name_in_words(change);
      drift.applied = setting ? change.wanted : "as written";
      drift.current = !present.unreadable.empty() ? "unreadable: " + present.unreadable
                      : !present.exists           ? "gone"
                      : setting                   ? present.content
                                                  : "changed since";
      drift.drifted =
          !present.exists || present.content != (setting ? single_spaced(change.wanted) : change.wanted);
      if (!drift.drifted && !setting) drift.current = "as written";
      add_others(facts, change, &drift);
      rows.push_back(std::move(drift));
    }
  }
  return rows;
}

}  // namespace holdfast::tune
