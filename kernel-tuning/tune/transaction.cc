// The order of the steps is the point: journal first, changes after, the journal's new name last.
#include "tune/transaction.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace holdfast::tune {
namespace {

constexpr unsigned kFileMode = 0644;
constexpr unsigned kJournalMode = 0600;

// "always [madvise] never" is the value "madvise".
std::string value_in(const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return single_spaced(text);
  return text.substr(open + 1, close - open - 1);
}

absl::Status cannot(const std::string& what, int error) {
  const std::string hint = error == ENOSPC || error == EDQUOT ? ": make room and try again"
                           : error == EACCES || error == EPERM || error == EROFS
                               ? ": run as root, on the host"
                               : "";
  return absl::FailedPreconditionError(what + ": " + error_text(error) + hint);
}

bool as_before(const Change& change, const Present& present) {
  if (change.kind == Change::Kind::setting) return present.content == single_spaced(change.prior);
  if (change.kind == Change::Kind::folder) return present.exists == change.existed;
  return present.exists == change.existed && (!present.exists || present.content == change.prior);
}

bool as_wanted(const Change& change, const Present& present) {
  if (change.kind == Change::Kind::setting) return present.content == single_spaced(change.wanted);
  return present.exists && (change.kind == Change::Kind::folder || present.content == change.wanted);
}

int make_state_folders(const Host& host) {
  std::string path = host.root();
  for (const std::string& part : split(kStateFolder, '/')) {
    path += "/" + part;
    if (mkdir(path.c_str(), part == "holdfast-tune" ? 0700 : 0755) != 0 && errno != EEXIST) return errno;
  }
  return 0;
}

}  // namespace

std::string name_in_words(const Change& change) {
  return change.kind == Change::Kind::setting ? sysctl_key(change.path) : change.path;
}

Present present_of(const Host& host, const Change& change) {
  if (change.kind == Change::Kind::folder) return {host.exists(change.path), "", ""};
  const Reading reading = host.read(change.path);
  Present present{!reading.absent, reading.text, reading.ok || reading.absent ? "" : reading.reason};
  if (change.kind == Change::Kind::setting) present.content = value_in(reading.text);
  return present;
}

absl::StatusOr<std::vector<StoredJournal>> read_journals(const Host& host) {
  std::vector<StoredJournal> journals;
  for (const std::string& name : host.list(kStateFolder)) {
    StoredJournal stored;
    std::array<char, 16> state{};
    int length = 0;
    const std::string path = std::string(kStateFolder) + "/" + name;
    if (std::sscanf(name.c_str(), "journal.%4d.%15[a-z]%n", &stored.number, state.data(), &length) != 2 ||
        static_cast<std::size_t>(length) != name.size())
      continue;
    stored.state = state.data();
    const Reading reading = host.read(path);
    auto journal = reading.ok ? parse_journal(reading.text) : absl::DataLossError(reading.reason);
    const bool known = stored.state == "armed" || stored.state == "applied" || stored.state == "reverting" ||
                       stored.state == "kept";
    if (!journal.ok() || !known) {
      return absl::DataLossError(
          "the journal " + host.full(path) + " is corrupt: " +
          (known ? std::string(journal.status().message()) : "its name has no known state") +
          ". Nothing was changed. The values from before are in its lines (PATH existed PRIOR "
          "WANTED, %xx escaped): restore them by hand, then remove the file");
    }
    stored.journal = *std::move(journal);
    journals.push_back(std::move(stored));
  }
  std::sort(journals.begin(), journals.end(),
            [](const StoredJournal& one, const StoredJournal& other) { return one.number < other.number; });
  return journals;
}

absl::StatusOr<std::unique_ptr<Transaction>> Transaction::begin(Host& host) {
  const std::string lock_path = host.full(kStateFolder) + "/lock";
  if (const int error = make_state_folders(host); error != 0)
    return cannot("the folder " + host.full(kStateFolder), error);
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return cannot(lock_path, errno);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(lock);
    if (error != EWOULDBLOCK) return cannot(lock_path, error);
    return absl::FailedPreconditionError("another holdfast-tune is changing this host (it holds " +
                                         lock_path + "): wait until it has ended; nothing was changed");
  }
  return std::unique_ptr<Transaction>(new Transaction(host, lock));
}

Transaction::~Transaction() {
  close(lock_);
}

std::string Transaction::name_of(int number, const std::string& state) const {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/journal.%04d.", number);
  return folder() + name.data() + state;
}

// Makes one change and reads it back.
int Transaction::make(const Change& change) {
  const std::string path = host_.full(change.path);
  switch (change.kind) {
    case Change::Kind::folder:
      return steps_.make_folder(path);
    case Change::Kind::file:
      return steps_.write_file(path, change.wanted, kFileMode);
    case Change::Kind::setting:
      break;
  }
  const int error = steps_.run([&] { return host_.write_value(change.path, change.wanted); });
  if (error != 0) return error;
  return as_wanted(change, present_of(host_, change)) ? 0 : ERANGE;
}

// Puts back what was there before the change, whatever is there now.
int Transaction::restore(const Change& change) {
  const std::string path = host_.full(change.path);
  switch (change.kind) {
    case Change::Kind::folder:
      return change.existed ? 0 : steps_.remove_folder(path);
    case Change::Kind::file:
      return change.existed ? steps_.write_file(path, change.prior, kFileMode) : steps_.remove_file(path);
    case Change::Kind::setting:
      break;
  }
  const int error = steps_.run([&] { return host_.write_value(change.path, change.prior); });
  if (error != 0) return error;
  return as_before(change, present_of(host_, change)) ? 0 : ERANGE;
}

// Newest first. True when nothing failed.
bool Transaction::undo_all(const std::vector<Change>& changes, bool force, Outcome* outcome) {
  bool whole = true;
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (change->kind == Change::Kind::file) unlink((host_.full(change->path) + kTemporarySuffix).c_str());
    const Present present = present_of(host_, *change);
    if (as_before(*change, present) && present.unreadable.empty()) continue;
    const std::string name = name_in_words(*change);
    if (!as_wanted(*change, present) && !force) {
      outcome->kept.push_back(
          {name, "is " +
                     (present.exists ? "\"" + single_spaced(present.content).substr(0, 200) + "\""
                                     : std::string("gone")) +
                     ", which is neither what apply set nor what was there before (\"" +
                     single_spaced(change->prior).substr(0, 200) + "\")"});
      continue;
    }
    if (const int error = restore(*change); error != 0) {
      outcome->failed.push_back({name, error_text(error)});
      whole = false;
    } else {
      outcome->restored.push_back(name);
    }
  }
  return whole;
}

absl::Status Transaction::take_back(const StoredJournal& stored, bool force, Outcome* outcome) {
  const std::string reverting = name_of(stored.number, "reverting");
  if (stored.state != "reverting" && stored.state != "armed") {
    if (const int error = steps_.rename_file(name_of(stored.number, stored.state), reverting); error != 0)
      return cannot(reverting, error);
  }
  const std::string now = stored.state == "armed" ? name_of(stored.number, "armed") : reverting;
  const std::size_t kept_before = outcome->kept.size();
  if (!undo_all(stored.journal.changes, force, outcome)) {
    return absl::FailedPreconditionError(
        outcome->failed.back().key + " could not be restored: " + outcome->failed.back().why +
        ". The journal " + now + " stays: mend the cause and run holdfast-tune revert again");
  }
  const bool kept = outcome->kept.size() > kept_before;
  const int error = kept ? steps_.rename_file(now, name_of(stored.number, "kept")) : steps_.remove_file(now);
  return error == 0 ? absl::OkStatus() : cannot(now, error);
}

absl::StatusOr<Outcome> Transaction::recover() {
  // A journal that was not yet in place: nothing had been changed.
  for (const std::string& name : host_.list(kStateFolder)) {
    if (name.size() > kTemporarySuffix.size() &&
        name.find(kTemporarySuffix) == name.size() - kTemporarySuffix.size())
      steps_.remove_file(folder() + "/" + name);
  }
  auto journals = read_journals(host_);
  if (!journals.ok()) return journals.status();
  Outcome outcome;
  for (auto stored = journals->rbegin(); stored != journals->rend(); ++stored) {
    if (stored->state != "armed" && stored->state != "reverting") continue;
    if (absl::Status status = take_back(*stored, false, &outcome); !status.ok()) return status;
  }
  return outcome;
}

// After a failure at changes[attempted - 1]. What was attempted is put back whatever is there now: a value
// the kernel rounded is neither the old nor the new one.
absl::Status Transaction::rolled_back(const Journal& journal, std::size_t attempted, int number,
                                      const std::string& error) {
  Outcome outcome;
  const std::vector<Change> done(journal.changes.begin(),
                                 journal.changes.begin() + static_cast<std::ptrdiff_t>(attempted));
  const std::string armed = name_of(number, "armed");
  if (undo_all(done, true, &outcome) && steps_.remove_file(armed) == 0)
    return absl::AbortedError(error + ". Everything was put back as it was");
  std::string failed = outcome.failed.empty() ? armed : outcome.failed.front().key;
  return absl::InternalError(error + ". Putting things back failed at " + failed +
                             ": mend the cause and run holdfast-tune recover");
}

absl::Status Transaction::apply(const Journal& journal) {
  auto journals = read_journals(host_);
  if (!journals.ok()) return journals.status();
  const int number = journals->empty() ? 1 : journals->back().number + 1;
  if (number > 9'999) return absl::ResourceExhaustedError("9,999 journals: revert first");
  const std::string armed = name_of(number, "armed");
  if (const int error = steps_.write_file(armed, format_journal(journal), kJournalMode); error != 0)
    return cannot("the journal " + armed + " could not be written, so nothing was changed", error);
  for (std::size_t index = 0; index < journal.changes.size(); ++index) {
    const Change& change = journal.changes[index];
    const int error = make(change);
    if (error == 0) continue;
    const std::string reason = error == ERANGE
                                   ? "reads \"" + single_spaced(present_of(host_, change).content) +
                                         "\" after writing \"" + change.wanted + "\""
                                   : "could not be set to \"" + single_spaced(change.wanted).substr(0, 100) +
                                         "\": " + error_text(error);
    return rolled_back(journal, index + 1, number, name_in_words(change) + " " + reason);
  }
  if (const int error = steps_.rename_file(armed, name_of(number, "applied")); error != 0)
    return rolled_back(journal, journal.changes.size(), number, armed + ": " + error_text(error));
  return absl::OkStatus();
}

absl::StatusOr<Outcome> Transaction::revert(bool force) {
  auto journals = read_journals(host_);
  if (!journals.ok()) return journals.status();
  if (journals->empty()) return absl::NotFoundError("nothing was applied here by holdfast-tune");
  Outcome outcome;
  for (auto stored = journals->rbegin(); stored != journals->rend(); ++stored) {
    if (absl::Status status = take_back(*stored, force, &outcome); !status.ok()) return status;
  }
  return outcome;
}

}  // namespace holdfast::tune
