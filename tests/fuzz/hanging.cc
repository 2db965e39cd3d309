// A target that hangs when its input says so: what test_hang_watch.py holds hang_watch.cc against.
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

void work_for(double seconds) {
  timespec began{}, now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
  do {
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  } while (static_cast<double>(now.tv_sec - began.tv_sec) +
               1e-9 * static_cast<double>(now.tv_nsec - began.tv_nsec) <
           seconds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view verb(reinterpret_cast<const char*>(bytes), size);
  if (verb == "work a little") work_for(0.5);
  if (verb == "work for ever") work_for(1e9);
  while (verb == "wait for ever") pause();
  return 0;
}
