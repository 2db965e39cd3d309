// FakeOperations: a gateway that writes down what it is asked and answers what it is told to, at once or when
// the test says so.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/operations.h"

namespace holdfast::admin::tests {

class FakeOperations : public gateway::Operations {
 public:
  std::string said;          // the operations, one line each
  bool later = false;        // answers wait for answer()
  gateway::Failure failure;  // of all answers that can fail
  gateway::PublishAnswer published{.position = {7, gateway::Epoch::from_client("EpochEpo")}};
  std::vector<gateway::Member> members;
  std::vector<gateway::PublicationReference> publications;
  std::vector<gateway::ListedChannel> listed;
  bool complete = true;

  // The oldest, or another, of those that wait.
  void answer(std::size_t place = 0) {
    const auto run = waiting_.at(place);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(place));
    run();
  }
  std::size_t waiting() const { return waiting_.size(); }

  void publish(const gateway::PublishOperation& operation,
               gateway::Callback<gateway::PublishAnswer> done) override {
    say("publish", text(operation));
    reply(done, published);
  }
  void broadcast(std::span<const std::string_view> channels, const gateway::PublishOperation& operation,
                 gateway::Callback<gateway::BroadcastAnswer> done) override {
    std::string names;
    for (const std::string_view channel : channels) names.append(channel).append("+");
    say("broadcast", names + text(operation));
    gateway::BroadcastAnswer answer;
    answer.answers.assign(channels.size(), published);
    // So that answers are seen to belong to their channels.
    answer.answers.back().failure = gateway::ErrorCode::unknown_channel;
    reply_as_it_is(done, answer);
  }
  void subscribe(const gateway::SubscribeOperation& operation,
                 gateway::Callback<gateway::TargetAnswer> done) override {
    std::string words = text(operation.target) + field("channel", operation.channel);
    words += field("info", operation.info) + field("data", operation.data);
    if (operation.expires_at_s != 0) words += " expires=" + std::to_string(operation.expires_at_s);
    if (operation.recover) words += " since=" + text(operation.since);
    const gateway::FeatureOverride& overrides = operation.overrides;
    words += flag("presence", overrides.presence) + flag("join_leave", overrides.join_leave) +
             flag("force_recovery", overrides.force_recovery) +
             flag("force_positioning", overrides.force_positioning) +
             flag("force_push_join_leave", overrides.force_push_join_leave);
    say("subscribe", words);
    reply(done, gateway::TargetAnswer());
  }
  void unsubscribe(const gateway::UnsubscribeOperation& operation,
                   gateway::Callback<gateway::TargetAnswer> done) override {
    say("unsubscribe", text(operation.target) + field("channel", operation.channel));
    reply(done, gateway::TargetAnswer());
  }
  void disconnect(const gateway::DisconnectOperation& operation,
                  gateway::Callback<gateway::TargetAnswer> done) override {
    std::string words = text(operation.target) + " code=" + std::to_string(operation.code);
    for (const std::string_view client : operation.keep) words += field("keep", client);
    say("disconnect", words + field("reason", operation.reason));
    reply(done, gateway::TargetAnswer());
  }
  void refresh(const gateway::RefreshOperation& operation,
               gateway::Callback<gateway::TargetAnswer> done) override {
    say("refresh", text(operation.target) + (operation.expired ? " expired" : "") +
                       " expires=" + std::to_string(operation.expires_at_s));
    reply(done, gateway::TargetAnswer());
  }
  void presence(std::string_view channel, gateway::Callback<gateway::PresenceAnswer> done) override {
    say("presence", std::string(channel));
    reply(done, gateway::PresenceAnswer{.members = members});
  }
  void presence_stats(std::string_view channel,
                      gateway::Callback<gateway::PresenceStatsAnswer> done) override {
    say("presence_stats", std::string(channel));
    reply(done, gateway::PresenceStatsAnswer{.clients = 3, .users = 2});
  }
  void history(const gateway::HistoryOperation& operation,
               gateway::Callback<gateway::HistoryAnswer> done) override {
    std::string words = std::string(operation.channel) + " limit=" + std::to_string(operation.limit);
    if (operation.has_since) words += " since=" + text(operation.since);
    say("history", words + (operation.reverse ? " reverse" : ""));
    reply(done, gateway::HistoryAnswer{.position = published.position, .publications = publications});
  }
  void remove_history(std::string_view channel,
                      gateway::Callback<gateway::RemoveHistoryAnswer> done) override {
    say("remove_history", std::string(channel));
    reply(done, gateway::RemoveHistoryAnswer());
  }
  void channels(std::string_view pattern, gateway::Callback<gateway::ChannelsAnswer> done) override {
    say("channels", std::string(pattern));
    reply_as_it_is(done, gateway::ChannelsAnswer{.channels = listed, .complete = complete});
  }
  void info(gateway::Callback<gateway::InfoAnswer> done) override {
    say("info", "");
    reply_as_it_is(done, gateway::InfoAnswer{.clients = 5, .users = 4, .channels = 3, .subscriptions = 2});
  }
  void emulate(const gateway::EmulationOperation& operation,
               gateway::Callback<gateway::EmulationAnswer> done) override {
    say("emulate", std::string(operation.session));
    reply_as_it_is(done, gateway::EmulationAnswer{.found = true});
  }

 private:
  void say(const std::string& method, const std::string& words) { said += method + " " + words + "\n"; }
  static std::string field(const char* name, std::string_view value) {
    return value.empty() ? "" : std::string(" ") + name + "=" + std::string(value);
  }
  static std::string flag(const char* name, std::optional<bool> value) {
    return value ? std::string(" ") + name + (*value ? "=yes" : "=no") : "";
  }
  static std::string text(const gateway::Position& position) {
    return std::to_string(position.offset) + "@" + std::string(position.epoch.text());
  }
  static std::string text(const gateway::Target& target) {
    return std::string(target.user) + field("client", target.client) + field("session", target.session);
  }
  static std::string text(const gateway::PublishOperation& operation) {
    std::string words(operation.channel);
    words += field(operation.binary ? "binary" : "payload", operation.payload);
    for (const gateway::Tag& tag : operation.tags) {
      words.append(" ").append(tag.key).append(":").append(tag.value);
    }
    if (operation.skip_history) words += " skip_history";
    if (operation.delta) words += " delta";
    words += field("key", operation.idempotency_key) + field("version_epoch", operation.version_epoch);
    return words + (operation.version != 0 ? " version=" + std::to_string(operation.version) : "");
  }

  template <class Answer>
  void reply(const gateway::Callback<Answer>& done, Answer answer) {
    if (failure) {
      answer = Answer();
      answer.failure = failure;
    }
    reply_as_it_is(done, answer);
  }
  template <class Answer>
  void reply_as_it_is(const gateway::Callback<Answer>& done, const Answer& answer) {
    if (later) {
      waiting_.push_back([done, answer] { done(answer); });
    } else {
      done(answer);
    }
  }

  std::vector<std::function<void()>> waiting_;
};

}  // namespace holdfast::admin::tests
