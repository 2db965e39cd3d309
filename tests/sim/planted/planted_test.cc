// The simulation is worth what it finds: with each of seven bugs put back on purpose (plant.py) it must fail
// within a thousand seeds, and without them the same seeds must pass.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::sim {
namespace {

constexpr int kSeedsMaximum = 1000;

struct Outcome {
  bool passed = false;
  std::string output;  // standard output and standard error
};

// `program` is one of this build's, next to this test.
Outcome run(const std::string& program, int seeds) {
  const char* folder = std::getenv("HOLDFAST_SIM_FOLDER");
  EXPECT_NE(folder, nullptr) << "set by the build: the folder of the simulation's executables";
  if (folder == nullptr) return {};
  const std::string command =
      std::string(folder) + "/" + program + " --seed=1 --seeds=" + std::to_string(seeds) + " 2>&1";
  Outcome outcome;
  FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> piece;
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe)) {
    outcome.output.append(piece.data(), count);
  }
  const int status = ::pclose(pipe);
  outcome.passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return outcome;
}

// From the line that repeats the failure.
std::optional<int> failing_seed(const std::string& output) {
  constexpr std::string_view kBefore = "tools/sim --seed=";
  const std::size_t place = output.find(kBefore);
  if (place == std::string::npos) return std::nullopt;
  int seed = 0;
  const char* digits = output.data() + place + kBefore.size();
  std::from_chars(digits, output.data() + output.size(), seed);
  return seed;
}

void expect_found(const std::string& bug) {
  const Outcome with_bug = run("planted_" + bug, kSeedsMaximum);
  EXPECT_FALSE(with_bug.passed) << bug << " went unnoticed for " << kSeedsMaximum << " seeds";
  const std::optional<int> seed = failing_seed(with_bug.output);
  ASSERT_TRUE(seed.has_value()) << "no line that repeats the failure:\n" << with_bug.output;
  std::printf("found at seed %d: %s\n", *seed, with_bug.output.substr(0, 400).c_str());
  const Outcome without = run("sim", *seed);
  EXPECT_TRUE(without.passed) << "the same seeds fail without the bug:\n" << without.output;
}

TEST(PlantedBug, ASendWhileOneIsInFlightIsFound) {
  expect_found("send_in_flight");
}

TEST(PlantedBug, AMissingGenerationCheckIsFound) {
  expect_found("missing_generation_check");
}

TEST(PlantedBug, AMissingRearmAfterEnobufsIsFound) {
  expect_found("missing_rearm");
}

TEST(PlantedBug, AnAddressThatIsNotCountedOutIsFound) {
  expect_found("address_not_counted_out");
}

TEST(PlantedBug, ADeltaAgainstAnOlderPublicationIsFound) {
  expect_found("delta_against_an_older_one");
}

TEST(PlantedBug, AGapThatNobodyIsToldOfIsFound) {
  expect_found("gap_kept_quiet");
}

TEST(PlantedBug, AMissingGraceForTokensIsFound) {
  expect_found("no_grace_for_tokens");
}

}  // namespace
}  // namespace holdfast::sim
