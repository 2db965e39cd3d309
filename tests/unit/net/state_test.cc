// The transition table, exhaustively: what may follow what is written out here a second time, as pairs.
#include "net/state.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace holdfast::net {
namespace {

const std::set<std::pair<State, State>> kExpected = {
    {State::free, State::handshaking},     {State::handshaking, State::open},
    {State::handshaking, State::flushing}, {State::handshaking, State::disarming},
    {State::open, State::closing},         {State::open, State::flushing},
    {State::open, State::disarming},       {State::closing, State::flushing},
    {State::closing, State::disarming},    {State::flushing, State::lingering},
    {State::flushing, State::disarming},   {State::lingering, State::disarming},
    {State::disarming, State::releasing},  {State::releasing, State::free},
};

TEST(State, AllowsExactlyTheTransitionsOfTheDiagram) {
  for (int from = 0; from < kStates; ++from) {
    for (int to = 0; to < kStates; ++to) {
      const auto pair = std::pair(static_cast<State>(from), static_cast<State>(to));
      EXPECT_EQ(legal_transition(pair.first, pair.second), kExpected.contains(pair))
          << state_name(pair.first) << " -> " << state_name(pair.second);
    }
  }
}

TEST(State, EveryStateLeadsToFree) {
  for (int start = 0; start < kStates; ++start) {
    std::set<State> reached = {static_cast<State>(start)};
    for (int round = 0; round < kStates; ++round) {
      for (const auto& [from, to] : kExpected) {
        if (reached.contains(from)) reached.insert(to);
      }
    }
    EXPECT_TRUE(reached.contains(State::free)) << state_name(static_cast<State>(start));
  }
}

TEST(State, ReadsInputExactlyBetweenAcceptAndTeardown) {
  for (State state : {State::handshaking, State::open, State::closing, State::flushing, State::lingering}) {
    EXPECT_TRUE(reads_input(state));
    EXPECT_FALSE(is_ending(state));
  }
  for (State state : {State::free, State::disarming, State::releasing}) EXPECT_FALSE(reads_input(state));
  EXPECT_TRUE(is_ending(State::disarming));
  EXPECT_TRUE(is_ending(State::releasing));
}

}  // namespace
}  // namespace holdfast::net
