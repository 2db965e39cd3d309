// StreamClient: its request, and what comes of it.
#include "stream_client.h"

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    encoded += '%';
    encoded += kHex[value >> 4];
    encoded += kHex[value & 15];
  }
  return encoded;
}

}  // namespace

StreamClient::StreamClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                           const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway,
                           Framing framing)
    : Client(world, audit, number, listener, plan),
      channels_(channels),
      gateway_(gateway),
      framing_(framing),
      codec_(framing == Framing::lengths),
      subscriptions_(channels, gateway, &codec_, [this](const std::string& what) { fail(what); }),
      expiry_(world, 0) {}

client::ConnectRequest StreamClient::connect_request() {
  client::ConnectRequest request;
  const std::uint64_t who = random().below(gateway_->users.size() + 1);
  if (who < gateway_->users.size()) {
    const bool expires = gateway_->tokens_expire && random().below(2) == 0;
    if (expires) expires_at_s_ = expiry_.now_s() + 5 + static_cast<std::int64_t>(random().below(300));
    request.set_token(gateway_->token(gateway_->users[who], expires_at_s_));
    expiry_.granted(expires_at_s_);
  }
  for (std::uint64_t count = random().below(4); count > 0; --count) {
    std::optional<LeftOff> since;
    if (random().below(2) == 0) since = channels_->take_left_off(random().next());
    const GatewayPlan::Channel& channel = since
                                              ? *gateway_->find(since->channel)
                                              : gateway_->channels[random().below(gateway_->channels.size())];
    if (asked_.contains(channel.name)) continue;
    client::SubscribeRequest& sub = (*request.mutable_subs())[channel.name];
    sub.set_positioned(channel.history && random().below(2) != 0);
    sub.set_join_leave(random().below(3) == 0);
    if (since) {
      sub.set_recover(true);
      sub.set_epoch(since->epoch);
      sub.set_offset(since->offset);
    }
    asked_[channel.name] = since;
    channels_->ask_without_a_name(channel.name);
  }
  return request;
}

std::string StreamClient::http_request(const std::string& body) {
  if (framing_ == Framing::events && random().below(2) == 0) {
    return absl::StrCat("GET /connection/uni_sse?cf_connect=", percent_encoded(body),
                        " HTTP/1.1\r\nHost: sim.invalid\r\nAccept: text/event-stream\r\n\r\n");
  }
  const bool events = framing_ == Framing::events;
  return absl::StrCat(
      "POST /connection/", events ? "uni_sse" : "uni_http_stream", " HTTP/1.1\r\nHost: sim.invalid\r\n",
      codec_.protobuf() ? "Content-Type: application/octet-stream\r\n" : "Content-Type: application/json\r\n",
      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

void StreamClient::connected() {
  std::string request = http_request(codec_.connect_request(connect_request()));
  if (!plan().finishes_handshake) request.resize(random().below(request.size()));
  write(request);
}

std::size_t StreamClient::consume(std::string_view bytes) {
  if (rejected_) return bytes.size();
  if (!streaming_) return consume_head(bytes);
  if (chunks_.ended() && !bytes.empty()) fail("bytes behind the last chunk");
  const std::size_t taken = chunks_.read(bytes, body_);
  if (chunks_.broken()) fail("no chunk: " + std::string(bytes.substr(0, 40)));
  std::string_view rest = body_, message;
  while (!ended()) {
    const std::size_t before = rest.size();
    message = rest;
    if (!next_message(message)) break;
    rest.remove_prefix(message.size());
    take(message);
    if (rest.size() == before) break;
  }
  body_.erase(0, body_.size() - rest.size());
  return taken;
}

std::size_t StreamClient::consume_head(std::string_view bytes) {
  const std::optional<HttpResponse> response = read_response_head(bytes);
  if (!response) return 0;
  if (response->status == 0) fail("an answer that is not HTTP: " + std::string(bytes.substr(0, 80)));
  if (response->status != 200) {
    rejected_ = true;
    hear_close(response->status);
  } else {
    if (!response->chunked) fail("a stream that is not chunked");
    streaming_ = true;
  }
  return response->head_bytes;
}

// Cuts `message`, which is all there is, to the first, with what is around it.
bool StreamClient::next_message(std::string_view& message) {
  std::size_t bytes = 0;
  if (framing_ == Framing::lengths) {
    std::size_t length = 0;
    const std::size_t header = read_length(message, length);
    bytes = header == 0 || message.size() - header < length ? 0 : header + length;
  } else {
    const std::string_view end = framing_ == Framing::events ? "\n\n" : "\n";
    const std::size_t found = message.find(end);
    bytes = found == std::string_view::npos ? 0 : found + end.size();
  }
  if (bytes == 0) return false;
  message = message.substr(0, bytes);
  return true;
}

void StreamClient::take(std::string_view framed) {
  constexpr std::string_view kData = "data: ";
  if (framing_ == Framing::events) {
    if (!framed.starts_with(kData)) return fail("no event: " + std::string(framed.substr(0, 40)));
    framed = framed.substr(kData.size(), framed.size() - kData.size() - 2);
  } else if (framing_ == Framing::lines) {
    framed.remove_suffix(1);
  }
  if (!codec_.read(framed, true, messages_) || messages_.size() != 1)
    return fail("no message: " + std::string(framed.substr(0, 80)));
  const client::ServerReply& message = messages_.front();
  if (close_code() != 0) return fail("a message behind the disconnect");
  if (is_ping(message)) {
    if (!established()) fail("a ping before connect");
    return;
  }
  const client::Push& push = message.push();
  if (push.has_disconnect()) return hear_close(static_cast<std::uint16_t>(push.disconnect().code()));
  if (push.has_connect()) return connected_push(push.connect());
  if (!established()) return fail("a push before connect");
  if (push.has_refresh()) return expiry_.forget();
  static_cast<void>(subscriptions_.pushed(push));
}

// What it is not in, it may not be in.
void StreamClient::connected_push(const client::Connected& connect) {
  if (established()) return fail("connected twice");
  if (connect.client().size() != 36) return fail("client id " + connect.client());
  if (connect.expires() != (expires_at_s_ != 0)) return fail("an expiry that is not its token's");
  channels_->connected(connect.client(), number());
  for (const auto& [channel, since] : asked_) {
    channels_->asked_to_subscribe(connect.client(), channel);
    const auto found = connect.subs().find(channel);
    const GatewayPlan::Channel& known = *gateway_->find(channel);
    if (found == connect.subs().end()) {
      const bool excused = !known.open || known.passing || gateway_->bounds_are_tight;
      if (!excused) fail("not in " + channel + ", which it asked for");
      continue;
    }
    if (!known.open) fail("in " + channel + ", which is not open");
    subscriptions_.begin(channel, false);
    subscriptions_.begun(channel, since, found->second);
  }
  for (const auto& [channel, result] : connect.subs()) {
    if (!asked_.contains(channel)) fail("in " + channel + ", which it did not ask for");
  }
  establish();
  if (expires_at_s_ != 0) after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

void StreamClient::look_at_expiry() {
  if (!may_act()) return;
  if (plan().healthy() && expiry_.overdue()) return fail("its token is over, and it is still connected");
  after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

void StreamClient::on_close_code(std::uint16_t code) {
  if (code == kConnectionExpired && !expiry_.may_be_over(0) && channels_->disturbances() == 0)
    fail("closed for a token that is not over");
}

std::string StreamClient::describe() const {
  constexpr const char* kFramings[] = {" event stream", " stream of lines", " stream of lengths"};
  return Client::describe() + kFramings[static_cast<int>(framing_)] + subscriptions_.describe();
}

}  // namespace holdfast::sim
