// CHECK: what it prints, that it aborts in release builds too, and that a broken description cannot loop.
#include "base/check.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

namespace holdfast::base {
namespace {

TEST(Check, PassesWhenTheConditionHoldsAndEvaluatesItOnce) {
  int evaluations = 0;
  CHECK(++evaluations == 1);
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckDeathTest, PrintsTheConditionAndThePlaceAndAborts) {
  const int slots = 3;
  EXPECT_DEATH(CHECK(slots == 4), "CHECK failed: slots == 4 at .*check_test.cc:[0-9]+");
}

TEST(CheckDeathTest, PrintsWhatTheThreadWasWorkingOn) {
  const auto die = [] {
    int slot = 17;
    set_check_context(
        [](void* argument, char* buffer, unsigned capacity) {
          std::snprintf(buffer, capacity, "reading slot %d", *static_cast<int*>(argument));
        },
        &slot);
    CHECK(false);
  };
  EXPECT_DEATH(die(), "while reading slot 17");
}

TEST(CheckDeathTest, ACheckThatFailsInsideTheDescriptionDoesNotRecurse) {
  const auto die = [] {
    set_check_context([](void*, char*, unsigned) { CHECK(1 + 1 == 3); }, nullptr);
    CHECK(false);
  };
  EXPECT_DEATH(die(), "CHECK failed: false.*\n.*CHECK failed: 1 \\+ 1 == 3");
}

TEST(CheckDeathTest, ADescriptionBelongsToTheThreadThatRegisteredIt) {
  const auto die = [] {
    std::thread other([] {
      set_check_context(
          [](void*, char* buffer, unsigned capacity) { std::snprintf(buffer, capacity, "elsewhere"); },
          nullptr);
    });
    other.join();
    set_check_context([](void*, char* buffer, unsigned capacity) { std::snprintf(buffer, capacity, "here"); },
                      nullptr);
    CHECK(false);
  };
  EXPECT_DEATH(die(), "while here");
}

}  // namespace
}  // namespace holdfast::base
