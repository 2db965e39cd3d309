// Transaction: changes a host and back, such that at any moment, killed or not, the journal on disk says what
// to do.
//
// The state folder holds a lock and one file per apply, `journal.NNNN.STATE`, whose content never changes;
// only its name does, by rename:
//   armed      written before the first change; found at start: the apply was interrupted, and is undone
//   applied    all changes are there and were read back
//   reverting  found at start: the revert was interrupted, and is finished
//   kept       reverted but for what somebody else has changed since
// Each apply on top of another has its own; revert takes them from the top. Owned by one process: the lock.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tune/journal.h"
#include "tune/steps.h"

namespace holdfast::tune {

inline constexpr std::string_view kStateFolder = "/var/lib/holdfast-tune";

struct StoredJournal {
  int number = 0;
  std::string state;
  Journal journal;
};

// What became of a revert or a recovery.
struct Outcome {
  std::vector<std::string> restored;  // keys and paths
  std::vector<Reason> kept;           // changed by somebody else: left alone
  std::vector<Reason> failed;         // could not be restored: the journal stays
};

class Transaction {
 public:
  // Takes the lock; an error when somebody has it or the folder cannot be used.
  static absl::StatusOr<std::unique_ptr<Transaction>> begin(Host& host);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Undoes an apply and finishes a revert that were interrupted. To be called before anything else.
  absl::StatusOr<Outcome> recover();

  // All of the changes, or none: an error says which failed and whether what was done before is undone.
  absl::Status apply(const Journal& journal);

  // Takes back every apply; with force also what somebody else changed since.
  absl::StatusOr<Outcome> revert(bool force);

 private:
  Transaction(Host& host, int lock) : host_(host), lock_(lock) {}

  std::string folder() const { return host_.full(kStateFolder); }
  std::string name_of(int number, const std::string& state) const;
  int make(const Change& change);
  int restore(const Change& change);
  bool undo_all(const std::vector<Change>& changes, bool force, Outcome* outcome);
  absl::Status rolled_back(const Journal& journal, std::size_t attempted, int number,
                           const std::string& error);
  absl::Status take_back(const StoredJournal& stored, bool force, Outcome* outcome);

  Host& host_;
  int lock_;
  Steps steps_;
};

// The journals there are, oldest first. An error names a corrupt one.
absl::StatusOr<std::vector<StoredJournal>> read_journals(const Host& host);

// What is there now in place of a change: whether it exists, and its content or value.
struct Present {
  bool exists = false;
  std::string content;
  std::string unreadable;  // why, when it cannot be read
};
Present present_of(const Host& host, const Change& change);
std::string name_in_words(const Change& change);

}  // namespace holdfast::tune
