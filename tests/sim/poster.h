// Poster: the connection by which a client of a stream sends its commands: one POST /emulation after another,
// the next sometimes before the last is answered.
//
// Judges the server: each request has one answer, that it was taken or that there is no such session, and in
// the order of the requests.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "client.h"

namespace holdfast::sim {

class Poster final : public Client {
 public:
  struct Owner {
    std::function<void(bool found)> answered;
    std::function<void()> ended;
  };

  Poster(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener, const Plan& plan,
         Owner owner)
      : Client(world, audit, number, listener, plan), owner_(std::move(owner)) {}

  // The last one asks the server to close, or nothing more is sent behind it.
  void post(const std::string& body, bool protobuf, bool last);
  std::size_t unanswered() const { return unanswered_; }
  // Nothing more can be posted by it.
  bool spent() const { return last_sent_ || ended(); }
  bool was_idle() const override { return !last_sent_ && world_->now_ns() - waits_since_ns_ < kUnderWayNs; }
  bool admitted() const override { return false; }

 private:
  void connected() override {}
  std::size_t consume(std::string_view bytes) override;
  std::string encode(MessageType, std::string_view payload) override { return std::string(payload); }
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override { finish(); }
  std::string violation() override { return {}; }
  void on_end() override { owner_.ended(); }

  Owner owner_;
  std::size_t unanswered_ = 0;
  std::uint64_t waits_since_ns_ = 0;  // of those that are not answered the first
  bool last_sent_ = false;
  bool asked_to_close_ = false;
};

}  // namespace holdfast::sim
