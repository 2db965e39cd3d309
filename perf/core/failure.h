// The one way the load programs give up: say what was being done, with the kernel's reason, and exit with 1.
// A measurement that met anything unexpected has no result, so there is nothing to recover.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace holdfast::perf {

// For what the server or this program did wrong; no system call is to blame.
[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

// For a system call that failed.
[[noreturn]] inline void fail_errno(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

inline int or_fail(int result, const char* what) {
  if (result < 0) fail_errno(what);
  return result;
}

}  // namespace holdfast::perf
