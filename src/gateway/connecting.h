// Connecting: a connect on its way to its reply: its server-side subscriptions, each answered by a home, and
// what arrives meanwhile. Internal to Sessions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/publication_views.h"
#include "gateway/session.h"

namespace holdfast::gateway {

struct Sessions::Part {
  std::string channel;
  std::optional<SubscribeAnswerLetter> answer;
  std::vector<PublicationReference> later;  // published after the answer, before the reply to connect
  PublicationViews views;
  protocol::SubscribeResult result;
};

struct Sessions::Connecting {
  static constexpr std::size_t kLaterMaximum = 300;

  std::uint32_t command_id = 0;
  std::uint32_t awaited = 0;  // answers, and one while they are being asked for
  bool failed = false;        // a subscription could not be made
  std::vector<Part> parts;
  std::string held_input;  // frames that came behind connect

  // `held` is counted up with held_input, and down at the end.
  explicit Connecting(std::uint64_t& held) : held_bytes(held) {}
  ~Connecting() { held_bytes -= held_input.size(); }
  std::uint64_t& held_bytes;
};

}  // namespace holdfast::gateway
