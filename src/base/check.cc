// The failing end of CHECK: print, describe, abort. Uses nothing that allocates, because it runs in a broken
// process.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast::base {
namespace {

thread_local CheckContext thread_describe = nullptr;
thread_local void* thread_argument = nullptr;

}  // namespace

void set_check_context(CheckContext describe, void* argument) {
  thread_describe = describe;
  thread_argument = argument;
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "holdfast: CHECK failed: %s at %s:%d\n", condition, file, line);
  if (thread_describe != nullptr) {
    // Taken away first: a CHECK inside the description must not come back here.
    CheckContext describe = thread_describe;
    thread_describe = nullptr;
    char buffer[512] = {};
    describe(thread_argument, buffer, sizeof buffer);
    std::fprintf(stderr, "holdfast: while %s\n", buffer);
  }
  std::abort();
}

}  // namespace holdfast::base
