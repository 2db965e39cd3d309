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

  // The last one asks the server to close.
  void post(const std::string& body, bool protobuf, bool last);
  std::size_t unanswered() const { return unanswered_; }
  // Nothing more can be posted by it.
  bool spent() const { return last_sent_ || ended(); }
  bool pinged() const override { return false; }
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
  bool last_sent_ = false;
};

}  // namespace holdfast::sim
