// fail_nth: every script with every failure, or the one run that a failure names.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "fail_nth.h"

int main(int count, char** arguments) {
  constexpr std::string_view kOnly = "--fail_nth=";
  constexpr std::string_view kStride = "--stride=";
  std::string_view only;
  std::uint64_t stride = 1;
  for (int index = 1; index < count; ++index) {
    const std::string_view argument = arguments[index];
    if (argument.starts_with(kOnly)) {
      only = argument.substr(kOnly.size());
    } else if (argument.starts_with(kStride)) {
      stride = std::strtoull(arguments[index] + kStride.size(), nullptr, 10);
    } else if (argument != "--fail_nth") {
      std::fputs("usage: fail_nth [--fail_nth[=SCRIPT:WHAT:NTH:ERROR]] [--stride=N]\n", stderr);
      return 2;
    }
  }
  if (stride == 0) stride = 1;
  std::uint64_t runs = 0, failures = 0;
  for (const holdfast::sim::Script& script : holdfast::sim::scripts()) {
    if (!only.empty() && only.substr(0, only.find(':')) != script.name) continue;
    const holdfast::sim::FailNthResult result = holdfast::sim::fail_nth(script, stride, only);
    runs += result.runs;
    std::printf("%-24.*s %6llu runs\n", static_cast<int>(script.name.size()), script.name.data(),
                static_cast<unsigned long long>(result.runs));
    if (!result.failure.empty()) {
      ++failures;
      std::printf("FAILED: %s\n", result.failure.c_str());
    }
    std::fflush(stdout);
  }
  std::printf("%llu runs, %llu scripts failed\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(failures));
  return failures == 0 && runs > 0 ? 0 : 1;
}
