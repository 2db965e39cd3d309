// eventually(): waits for what has to come, as long as it takes and not for ever. Tests assert no times: the
// bound only ends what hangs. HOLDFAST_PATIENCE multiplies it where everything is slower; tools/run_tests.py
// sets it for the sanitized builds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace holdfast {

inline std::chrono::seconds patience() {
  static const int factor = [] {
    const char* text = std::getenv("HOLDFAST_PATIENCE");
    return text == nullptr ? 1 : std::max(std::atoi(text), 1);
  }();
  return std::chrono::seconds(20) * factor;
}

template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace holdfast
