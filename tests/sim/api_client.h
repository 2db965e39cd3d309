// ApiClient: an application that uses the HTTP API: publishes, broadcasts, asks, subscribes users and puts
// them out; one request behind another on a connection it keeps, or several before the first answer.
//
// Judges the server: each request has one answer, in the order of the requests, of its kind and about its
// channel; what was accepted reaches everybody who was there (ChannelAudit).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "channel_audit.h"
#include "client.h"
#include "gateway_plan.h"
#include "simdjson.h"

namespace holdfast::sim {

class ApiClient final : public Client {
 public:
  ApiClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener, const Plan& plan,
            ChannelAudit* channels, const GatewayPlan* gateway);

  bool served() const override { return established() && sent_everything() && requests_.empty(); }
  void probe() override;
  bool was_idle() const override { return was_idle_; }
  bool admitted() const override { return false; }
  std::string describe() const override;

 private:
  enum class Kind {
    publish,
    broadcast,
    batch,
    presence,
    presence_stats,
    history,
    history_remove,
    channels,
    subscribe,
    information,  // of the node
    act,          // on a user's connections: the answer says nothing
    health,       // and metrics: no method of the API
    mistake       // answered with an error and forgiven
  };
  struct Request {
    Kind kind = Kind::publish;
    std::vector<std::string> channels;
    std::vector<PublicationKey> publications;  // one in each of them
    std::string call;                          // of a subscribe
    std::uint16_t status = 200;
    std::uint32_t error = 0;  // of a mistake
    bool last = false;        // the server is to close
  };

  void connected() override;
  std::size_t consume(std::string_view bytes) override;
  bool may_speak() const override { return requests_.size() < plan().window; }
  void speak() override;
  std::string encode(MessageType, std::string_view payload) override;
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override;
  void on_end() override {
    was_idle_ = world_->now_ns() - waits_since_ns_ < kUnderWayNs || requests_.empty();
  }
  std::string violation() override;

  // Asking.
  void ask(Request request, std::string_view path, const std::string& body);
  // A method of the API, by its path, or named in the body.
  void invoke(Request request, const std::string& method, const std::string& body);
  std::string http_request(std::string_view path, const std::string& body, bool last);
  void publish();
  void broadcast();
  void batch();
  void act();
  void subscribe();
  void ask_about(const GatewayPlan::Channel& channel);
  void blunder();
  const GatewayPlan::Channel& any_channel();
  PublicationKey next_publication(const std::string& channel, std::string& content);

  // Being answered.
  void answered(const Request& request, std::string_view body);
  void publish_answer(const simdjson::dom::object& answer, const std::string& channel,
                      const PublicationKey& key);
  void list_answer(const Request& request, const simdjson::dom::object& from, std::string_view name);
  void presence_answer(const Request& request, const simdjson::dom::object& result);
  void history_answer(const Request& request, const simdjson::dom::object& result);
  void channels_answer(const simdjson::dom::object& result);
  void information_answer(const simdjson::dom::object& result);
  void metrics_answer(std::string_view body);
  void error_answer(const Request& request, std::uint64_t code);

  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  simdjson::dom::parser parser_;
  std::deque<Request> requests_;      // not answered yet
  std::uint64_t waits_since_ns_ = 0;  // for the answer of the first
  std::string node_;                  // as it called itself first
  bool over_ = false;                 // nothing more is expected of the server
  bool was_idle_ = false;
};

}  // namespace holdfast::sim
