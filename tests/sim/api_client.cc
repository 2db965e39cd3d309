// ApiClient: what it asks.
#include "api_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t kEnvelopeBytes = 400;

std::string member(std::string_view name, std::string_view text) {
  return absl::StrCat("\"", std::string(name), "\":\"", std::string(text), "\"");
}

}  // namespace

ApiClient::ApiClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                     const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway)
    : Client(world, audit, number, listener, plan), channels_(channels), gateway_(gateway) {}

void ApiClient::connected() {
  if (!plan().finishes_handshake) {
    const std::string request = http_request("/api/info", "{}", false);
    return write(request.substr(0, random().below(request.size())));
  }
  establish();
  speak();  // whoever says nothing is ended soon
}

const GatewayPlan::Channel& ApiClient::any_channel() {
  return gateway_->channels[random().below(gateway_->channels.size())];
}

// The body whole, or in two chunks.
std::string ApiClient::http_request(std::string_view path, const std::string& body, bool last) {
  const bool reads = path == "/health" || path == "/ready" || path == "/metrics";
  std::string request = absl::StrCat(reads ? "GET " : "POST ", std::string(path),
                                     " HTTP/1.1\r\nHost: sim.invalid\r\nX-API-Key: ", gateway_->api_key,
                                     last ? "\r\nConnection: close\r\n" : "\r\n");
  if (reads) return request + "\r\n";
  if (random().below(4) != 0) {
    return absl::StrCat(request, "Content-Length: ", body.size(), "\r\n\r\n", body);
  }
  const std::size_t first = random().below(body.size() + 1);
  request += "Transfer-Encoding: chunked\r\n\r\n";
  for (const std::string& piece : {body.substr(0, first), body.substr(first)}) {
    if (!piece.empty()) absl::StrAppend(&request, absl::Hex(piece.size()), "\r\n", piece, "\r\n");
  }
  return request + "0\r\n\r\n";
}

void ApiClient::ask(Request request, std::string_view path, const std::string& body) {
  const bool last = request.last;
  if (requests_.empty()) waits_since_ns_ = world_->now_ns();
  requests_.push_back(std::move(request));
  write(http_request(path, body, last));
}

void ApiClient::invoke(Request request, const std::string& method, const std::string& body) {
  if (random().below(6) != 0) return ask(std::move(request), "/api/" + method, body);
  ask(std::move(request), "/api", absl::StrCat("{", member("method", method), ",\"params\":", body, "}"));
}

void ApiClient::speak() {
  spoke();
  if (over_) return;
  switch (random().below(11)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return publish();
    case 4:
      return broadcast();
    case 5:
      return batch();
    case 6:
      return act();
    case 7:
    case 8:
      return ask_about(any_channel());
    case 9:
      return subscribe();
    default:
      return blunder();
  }
}

PublicationKey ApiClient::next_publication(const std::string& channel, std::string& content) {
  const std::uint32_t most = std::min(plan().message_bytes_maximum, gateway_->message_bytes_maximum);
  const std::size_t bytes = 80 + random().below(most > kEnvelopeBytes ? most - kEnvelopeBytes : 1);
  const PublicationKey key = channels_->next_publication(number(), channel, bytes);
  content = ChannelAudit::content(key, channel, bytes);
  return key;
}

void ApiClient::publish() {
  const std::string& channel = any_channel().name;
  std::string content;
  const PublicationKey key = next_publication(channel, content);
  invoke({.kind = Kind::publish, .channels = {channel}, .publications = {key}}, "publish",
         absl::StrCat("{", member("channel", channel), ",\"data\":", content, "}"));
}

// The same content in two channels would be astray in one of them: so it is one channel here, or an empty
// broadcast's error.
void ApiClient::broadcast() {
  const std::string& channel = any_channel().name;
  std::string content;
  const PublicationKey key = next_publication(channel, content);
  invoke({.kind = Kind::broadcast, .channels = {channel}, .publications = {key}}, "broadcast",
         absl::StrCat("{\"channels\":[\"", channel, "\"],\"data\":", content, "}"));
}

void ApiClient::batch() {
  Request request{.kind = Kind::batch};
  std::string commands;
  for (std::uint64_t count = 1 + random().below(4); count > 0; --count) {
    const std::string& channel = any_channel().name;
    std::string content;
    request.channels.push_back(channel);
    request.publications.push_back(next_publication(channel, content));
    absl::StrAppend(&commands, commands.empty() ? "" : ",", "{\"publish\":{", member("channel", channel),
                    ",\"data\":", content, "}}");
  }
  const char* parallel = random().below(2) == 0 ? ",\"parallel\":true" : "";
  invoke(std::move(request), "batch", absl::StrCat("{\"commands\":[", commands, "]", parallel, "}"));
}

// Each of these may end connections, or subscriptions, of those who behave.
void ApiClient::act() {
  if (!gateway_->calls_disturb || random().below(2) == 0) return ask_about(any_channel());
  channels_->disturb_users();
  const std::string user = member("user", gateway_->users[random().below(gateway_->users.size())]);
  Request request{.kind = Kind::act};
  switch (random().below(4)) {
    case 0:
      return invoke(std::move(request), "disconnect", absl::StrCat("{", user, "}"));
    case 1:
      return invoke(std::move(request), "refresh", absl::StrCat("{", user, ",\"expired\":true}"));
    case 2:
      return invoke(std::move(request), "refresh", absl::StrCat("{", user, ",\"expire_at\":4000000000}"));
    default:
      return invoke(std::move(request), "unsubscribe",
                    absl::StrCat("{", user, ",", member("channel", any_channel().name), "}"));
  }
}

// A user's connections, for some time or for ever, from now on or from where somebody left off.
void ApiClient::subscribe() {
  if (!gateway_->calls_disturb) return ask_about(any_channel());
  SubscribeCall call;
  call.user = gateway_->users[random().below(gateway_->users.size())];
  call.channel = any_channel().name;
  const auto now_s = static_cast<std::int64_t>(world_->clock().wall_ns() / 1'000'000'000);
  if (gateway_->tokens_expire && random().below(2) == 0)
    call.expires_at_s =
        now_s + 2 + static_cast<std::int64_t>(random().below(random().below(2) == 0 ? 5 : 60));
  if (random().below(2) == 0) call.since = channels_->take_left_off(random().next());
  if (call.since) call.channel = call.since->channel;
  std::string body = absl::StrCat("{", member("user", call.user), ",", member("channel", call.channel));
  if (call.expires_at_s != 0) absl::StrAppend(&body, ",\"expire_at\":", call.expires_at_s);
  if (call.since) {
    absl::StrAppend(&body, ",\"recover_since\":{\"offset\":", call.since->offset, ",",
                    member("epoch", call.since->epoch), "}");
  }
  Request request{.kind = Kind::subscribe, .channels = {call.channel}};
  request.call = channels_->call(std::move(call));
  absl::StrAppend(&body, ",\"data\":", request.call, "}");
  invoke(std::move(request), "subscribe", body);
}

void ApiClient::ask_about(const GatewayPlan::Channel& channel) {
  const std::string body = absl::StrCat("{", member("channel", channel.name), "}");
  Request request{.kind = Kind::presence, .channels = {channel.name}};
  switch (random().below(7)) {
    case 0:
      return invoke(std::move(request), "presence", body);
    case 1:
      request.kind = Kind::presence_stats;
      return invoke(std::move(request), "presence_stats", body);
    case 2:
      request.kind = Kind::history_remove;
      return invoke(std::move(request), "history_remove", body);
    case 3:
      request.kind = Kind::channels;
      return invoke(std::move(request), "channels", "{\"pattern\":\"*\"}");
    case 4: {
      request.kind = Kind::health;
      constexpr const char* kPaths[] = {"/health", "/ready", "/metrics"};
      return ask(std::move(request), kPaths[random().below(3)], "");
    }
    case 5:
      request.kind = Kind::information;
      return invoke(std::move(request), "info", "{}");
    default:
      request.kind = Kind::history;
      return invoke(
          std::move(request), "history",
          absl::StrCat("{", member("channel", channel.name), ",\"limit\":", random().below(20), "}"));
  }
}

void ApiClient::blunder() {
  Request request{.kind = Kind::mistake};
  switch (random().below(4)) {
    case 0:
      request.status = 404;
      request.error = kMethodNotFound;
      return ask(std::move(request), "/api/unheard_of", "{}");
    case 1:
      request.error = kBadRequest;
      return ask(std::move(request), "/api/publish", "{\"channel\":");
    case 2:
      request.error = kUnknownChannel;
      return ask(std::move(request), "/api/publish", "{\"channel\":\"nowhere:room\",\"data\":{}}");
    default:
      request.error = kNotAvailable;
      return invoke(std::move(request), "history", "{\"channel\":\"open:a\"}");
  }
}

std::string ApiClient::encode(MessageType, std::string_view payload) {
  return http_request("/api/publish", std::string(payload), false);
}

// The last answer ends it, because it asks for that, or sends no more.
void ApiClient::close_politely() {
  const bool asks = random().below(2) == 0;
  ask({.kind = Kind::health, .last = asks}, "/health", "");
  if (!asks) finish();
}

// Answered with an error, behind what is owed, and the end.
std::string ApiClient::violation() {
  over_ = true;
  const std::string requests[] = {
      "GET\r\n\r\n",
      "POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /api/publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n",
      "POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
      "POST /api/publish HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
  };
  return requests[random().below(std::size(requests))];
}

void ApiClient::probe() {
  if (may_act() && !over_) publish();
}

std::string ApiClient::describe() const {
  std::string text = Client::describe() + " of the API";
  for (const Request& request : requests_) {
    text += ", unanswered kind " + std::to_string(static_cast<int>(request.kind));
    for (const std::string& channel : request.channels) text += " " + channel;
  }
  return text;
}

}  // namespace holdfast::sim
