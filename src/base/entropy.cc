// SystemEntropy: the kernel's random source behind the Entropy seam.
#include "base/entropy.h"

#include <sys/random.h>

#include "base/check.h"

namespace holdfast::base {

std::uint64_t SystemEntropy::next() {
  std::uint64_t value = 0;
  // Eight bytes never come back short once the pool is initialised (getrandom(2), "Interruption by a signal
  // handler").
  CHECK(getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value));
  return value;
}

}  // namespace holdfast::base
