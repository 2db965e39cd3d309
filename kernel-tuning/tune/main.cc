// holdfast-tune: says how many connections a host can hold, why, and changes exactly what is needed.
//
// One command per run, one thread. Reads before it writes; writes only in apply, revert and recover, under
// the lock of the transaction.
#include <signal.h>

#include <cstdio>

#include "tune/arguments.h"
#include "tune/print.h"
#include "tune/transaction.h"

namespace holdfast::tune {
namespace {

void show(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int failed(const absl::Status& status) {
  const std::string message(status.message());
  std::fprintf(stderr, "holdfast-tune: %s\n", message.c_str());
  return kExitFailed;
}

// An interrupted apply or revert that only a command with the lock may finish.
void mention_interrupted(const Host& host) {
  const auto journals = read_journals(host);
  if (!journals.ok()) {
    failed(journals.status());
    return;
  }
  for (const StoredJournal& stored : *journals) {
    if (stored.state == "armed" || stored.state == "reverting")
      std::fprintf(stderr,
                   "holdfast-tune: an %s was interrupted; holdfast-tune recover puts the host in order\n",
                   stored.state == "armed" ? "apply" : "undoing of an apply");
  }
}

// Takes the lock and settles what an earlier run left.
absl::StatusOr<std::unique_ptr<Transaction>> begin(Host& host) {
  auto transaction = Transaction::begin(host);
  if (!transaction.ok()) return transaction.status();
  const auto outcome = (*transaction)->recover();
  if (!outcome.ok()) return outcome.status();
  if (!outcome->restored.empty() || !outcome->kept.empty())
    show("An interrupted run was put in order:\n" + text_of(*outcome, "restored"));
  return transaction;
}

int run_check(const Host& host, const Arguments& arguments) {
  mention_interrupted(host);
  const Report report = check(read_facts(host, arguments.target), arguments.target);
  show(arguments.json ? json_of(report) : text_of(report, arguments.every_reason));
  return report.exit_code;
}

int run_plan(const Host& host, const Arguments& arguments) {
  mention_interrupted(host);
  const Facts facts = read_facts(host, arguments.target);
  const Plan plan = make_plan(facts, check(facts, arguments.target), arguments.plan);
  if (arguments.script) {
    show(script_of(plan, arguments.root, target_in_words(arguments.target), arguments.inverse));
  } else {
    show(arguments.json ? json_of(plan) : text_of(plan));
  }
  return plan.changes.empty() && plan.pinned.empty() ? kExitReady : kExitNotTuned;
}

int run_apply(Host& host, const Arguments& arguments) {
  auto transaction = begin(host);
  if (!transaction.ok()) return failed(transaction.status());
  const Facts facts = read_facts(host, arguments.target);
  const Plan plan = make_plan(facts, check(facts, arguments.target), arguments.plan);
  if (!plan.pinned.empty()) {
    show(text_of(plan));
    return failed(absl::FailedPreconditionError("nothing was changed: " + plan.pinned.front().key +
                                                " is set by somebody else, see above. --override-pins sets "
                                                "it all the same, --without=KEY leaves it out"));
  }
  show(text_of(plan));
  if (!plan.changes.empty()) {
    const absl::Status status = (*transaction)->apply({target_in_words(arguments.target), plan.changes});
    if (!status.ok()) return failed(status);
    show(grouped(plan.changes.size()) +
         " changes made and read back. holdfast-tune revert takes them back.\n");
  }
  const Report after = check(read_facts(host, arguments.target), arguments.target);
  show("This host now holds " + grouped(after.capacity) + " connections; the first wall is " +
       after.first_wall + ".\n");
  return after.exit_code;
}

int run_verify(const Host& host, const Arguments& arguments) {
  mention_interrupted(host);
  const auto journals = read_journals(host);
  if (!journals.ok()) return failed(journals.status());
  const std::vector<Drift> rows = verify(read_facts(host, arguments.target), *journals);
  int code = rows.empty() ? kExitNotTuned : kExitReady;
  for (const Drift& row : rows) {
    if (row.drifted || row.lost_at_boot) code = kExitNotTuned;
  }
  if (arguments.json) {
    show(json_of(rows, code));
  } else {
    show(rows.empty() ? "nothing was applied here by holdfast-tune\n" : text_of(rows));
  }
  return code;
}

int run_revert(Host& host, const Arguments& arguments) {
  auto transaction = begin(host);
  if (!transaction.ok()) return failed(transaction.status());
  const auto outcome = (*transaction)->revert(arguments.force);
  if (!outcome.ok() && outcome.status().code() == absl::StatusCode::kNotFound) {
    show(std::string(outcome.status().message()) + ": nothing to take back\n");
    return kExitReady;
  }
  if (!outcome.ok()) return failed(outcome.status());
  show(text_of(*outcome, "restored"));
  return outcome->kept.empty() ? kExitReady : kExitNotTuned;
}

int run_recover(Host& host) {
  const auto transaction = begin(host);
  if (!transaction.ok()) return failed(transaction.status());
  show("in order\n");
  return kExitReady;
}

int run_prove(const Host& host, const Arguments& arguments) {
  if (!host.is_this_host())
    return failed(absl::InvalidArgumentError("prove opens connections: it has no --root"));
  const auto proof = prove(read_facts(host, arguments.target), arguments.target, arguments.sockets);
  if (!proof.ok()) return failed(proof.status());
  show(arguments.json ? json_of(*proof) : text_of(*proof));
  return proof->report.exit_code;
}

int run_explain(const Host& host, const Arguments& arguments) {
  if (arguments.key.empty()) {
    show(list_of_knobs());
    return kExitReady;
  }
  const std::string text =
      explanation_of(read_facts(host, arguments.target), arguments.target, arguments.key);
  if (text.empty()) {
    std::fprintf(stderr, "holdfast-tune: \"%s\" is not a key; holdfast-tune explain lists them\n",
                 arguments.key.c_str());
    return kExitUsage;
  }
  show(text);
  return kExitReady;
}

int run(const Arguments& arguments) {
  Host host(arguments.root);
  const std::string& command = arguments.command;
  if (command == "check") return run_check(host, arguments);
  if (command == "plan") return run_plan(host, arguments);
  if (command == "apply") return run_apply(host, arguments);
  if (command == "verify") return run_verify(host, arguments);
  if (command == "revert") return run_revert(host, arguments);
  if (command == "recover") return run_recover(host);
  if (command == "prove") return run_prove(host, arguments);
  return run_explain(host, arguments);
}

}  // namespace
}  // namespace holdfast::tune

int main(int argc, char** argv) {
  // A file that may not grow (RLIMIT_FSIZE) and a reader that went away are errors of write, not ends.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  const auto arguments = holdfast::tune::parse_arguments({argv + 1, argv + argc});
  if (!arguments.ok()) {
    const std::string message(arguments.status().message());
    std::fprintf(stderr, "holdfast-tune: %s\nholdfast-tune --help lists commands and flags\n",
                 message.c_str());
    return holdfast::tune::kExitUsage;
  }
  if (arguments->help) {
    std::fputs(holdfast::tune::usage().c_str(), stdout);
    return 0;
  }
  return holdfast::tune::run(*arguments);
}
