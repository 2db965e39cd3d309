// Steps: every durable act of a transaction, counted, so that a test can end the program after each of them
// or make each of them fail.
//
// HOLDFAST_TUNE_EXIT_AFTER_STEP=K   the program ends, as by SIGKILL, when step K is done (exit status 137)
// HOLDFAST_TUNE_FAIL_AT_STEP=K      step K fails with EIO and does nothing
#pragma once

#include <string>

namespace holdfast::tune {

class Steps {
 public:
  Steps();  // reads the environment

  // `act` returns 0 or errno.
  template <typename Act>
  int run(Act act) {
    if (begin() != 0) return failure();
    const int error = act();
    end();
    return error;
  }

  // The acts on files; each is one step or more. Paths are whole ones. 0 or errno.
  int make_folder(const std::string& path);
  int remove_folder(const std::string& path);  // only if empty; one that is gone or full is no error
  int remove_file(const std::string& path);    // one that is gone is no error
  int rename_file(const std::string& from, const std::string& to);
  // Through a temporary file beside it: whole or not at all, and on the disk when this returns.
  int write_file(const std::string& path, const std::string& content, unsigned mode);

 private:
  int begin();
  void end();
  static int failure();

  long step_ = 0;
  long exit_after_ = 0;
  long fail_at_ = 0;
};

inline const std::string kTemporarySuffix = ".holdfast-tune.tmp";

}  // namespace holdfast::tune
