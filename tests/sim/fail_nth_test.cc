// Every script of fail_nth_scripts.cc with all of its failures.
#include "fail_nth.h"

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

class FailNth : public testing::TestWithParam<Script> {};

TEST_P(FailNth, HitsNobodyElseAndLeavesNothingBehind) {
  const FailNthResult result = fail_nth(GetParam(), 1);
  EXPECT_TRUE(result.failure.empty()) << result.failure;
  EXPECT_GT(result.runs, 200u);  // otherwise nothing was tested
}

std::string name_of(const testing::TestParamInfo<Script>& script) {
  return std::string(script.param.name);
}

INSTANTIATE_TEST_SUITE_P(Scripts, FailNth, testing::ValuesIn(scripts().begin(), scripts().end()), name_of);

}  // namespace
}  // namespace holdfast::sim
