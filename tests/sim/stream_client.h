// StreamClient: somebody who only listens: an event stream (JSON) or an HTTP stream (JSON or Protobuf), of
// the channels that its one request named.
//
// Judges what HttpStream and Unidirectional judge.
#pragma once

#include <string>
#include <string_view>

#include "client.h"
#include "http_stream.h"
#include "unidirectional.h"

namespace holdfast::sim {

class StreamClient final : public Client {
 public:
  StreamClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
               const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway, StreamFraming framing)
      : Client(world, audit, number, listener, plan),
        stream_(framing, [this](const std::string& what) { fail(what); }),
        protocol_(world, this, channels, gateway, framing == StreamFraming::lengths) {}

  bool served() const override { return established() && protocol_.up_to_date(); }
  void probe() override {}
  std::string describe() const override;

 private:
  void connected() override;
  std::size_t consume(std::string_view bytes) override;
  // There is nothing to say; but who says it shall not be heard.
  void speak() override { spoke(); }
  void flood() override { write(std::string(5'000, 'x')); }
  std::string encode(MessageType, std::string_view payload) override { return std::string(payload); }
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override { finish(); }
  std::string violation() override { return {}; }
  void on_end() override { protocol_.leave_all(); }
  void on_close_code(std::uint16_t code) override { protocol_.judge_end(code); }

  HttpStream stream_;
  Unidirectional protocol_;
  std::string message_;
};

}  // namespace holdfast::sim
