// EmulationClient: a client of the gateway that hears by a stream, of events or of lines or of lengths, and
// speaks by requests on other connections, which may come in on any shard.
//
// It keeps one such connection for all requests, or makes one for each. When one ends with requests that were
// not answered nobody knows what has become of them, and it gives the stream up, as the server's doing.
// Judges what HttpStream, Poster and Bidirectional judge, and that it is closed for a pong only if it owes
// one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bidirectional.h"
#include "client.h"
#include "http_stream.h"
#include "poster.h"

namespace holdfast::sim {

class EmulationClient final : public Client {
 public:
  // `listeners`: where requests may be sent to.
  EmulationClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                  const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway, StreamFraming framing,
                  std::vector<int> listeners);

  bool served() const override { return established() && sent_everything() && protocol_.up_to_date(); }
  void probe() override;
  bool was_idle() const override { return poster_was_idle_; }
  bool waiting_in_backlog() const override;
  // A post's connection may still be closing when the next one comes.
  std::uint32_t connections() const override { return 3; }
  std::string describe() const override;

 private:
  void connected() override { protocol_.connect(); }
  std::size_t consume(std::string_view bytes) override;
  bool may_speak() const override { return protocol_.unanswered() < plan().window; }
  void speak() override;
  void flood() override;
  std::string encode(MessageType, std::string_view payload) override { return std::string(payload); }
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override { finish(); }
  std::string violation() override;
  void on_end() override;
  void on_close_code(std::uint16_t code) override;

  void transmit(const std::string& frame);
  void post_next();
  void poster_ended(const Poster& poster);
  std::string request_of(const std::string& frame) const;

  ChannelAudit* channels_;
  HttpStream stream_;
  Bidirectional protocol_;
  const std::vector<int> listeners_;
  const bool keeps_poster_;
  bool in_vain_ = false;                          // a request of it has found no session any more
  bool asked_ = false;                            // the stream's own request has been written
  bool poster_was_idle_ = false;                  // the one whose end it did not survive
  std::deque<std::string> frames_;                // to be posted
  std::vector<std::unique_ptr<Poster>> posters_;  // the last one is in use, or spent
  std::string message_;
};

}  // namespace holdfast::sim
