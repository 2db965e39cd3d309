// The table of legal transitions.
#include "net/state.h"

#include <array>

namespace holdfast::net {
namespace {

constexpr std::uint32_t bit(State state) {
  return 1u << static_cast<unsigned>(state);
}

// Row: from. Bits: to.
constexpr std::array<std::uint32_t, kStates> kLegal = {
    /* free        */ bit(State::handshaking),
    /* handshaking */ bit(State::open) | bit(State::flushing) | bit(State::disarming),
    /* open        */ bit(State::closing) | bit(State::flushing) | bit(State::disarming),
    /* closing     */ bit(State::flushing) | bit(State::disarming),
    /* flushing    */ bit(State::lingering) | bit(State::disarming),
    /* lingering   */ bit(State::disarming),
    /* disarming   */ bit(State::releasing),
    /* releasing   */ bit(State::free),
};

constexpr std::array<const char*, kStates> kNames = {"free",     "handshaking", "open",      "closing",
                                                     "flushing", "lingering",   "disarming", "releasing"};

}  // namespace

const char* state_name(State state) {
  return kNames[static_cast<std::size_t>(state)];
}

bool legal_transition(State from, State to) {
  return (kLegal[static_cast<std::size_t>(from)] & bit(to)) != 0;
}

bool reads_input(State state) {
  return (bit(state) & (bit(State::handshaking) | bit(State::open) | bit(State::closing) |
                        bit(State::flushing) | bit(State::lingering))) != 0;
}

bool is_ending(State state) {
  return state == State::disarming || state == State::releasing;
}

}  // namespace holdfast::net
