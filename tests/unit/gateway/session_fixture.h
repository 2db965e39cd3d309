// A real server with gateways on several shards, and clients that speak the protocol to it. Every wait is
// bounded.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "../auth/signer.h"
#include "../eventually.h"
#include "../shard/loopback_client.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "gateway/gateway.h"
#include "holdfast/server.h"

namespace holdfast::gateway {

// A client of the protocol. What it receives it hands out message by message.
class ProtocolClient {
 public:
  ProtocolClient(std::string_view endpoint, std::string_view target, std::string_view subprotocol = "")
      : socket_(endpoint), binary_(!subprotocol.empty()) {
    std::string request = absl::StrCat("GET ", std::string(target), " HTTP/1.1\r\nHost: a\r\n");
    absl::StrAppend(&request, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (!subprotocol.empty()) {
      absl::StrAppend(&request, "Sec-WebSocket-Protocol: ", std::string(subprotocol), "\r\n");
    }
    socket_.write(request + "\r\n");
    while (!head_.ends_with("\r\n\r\n")) {
      const std::string next = socket_.read(1);
      if (next.empty()) return;
      head_ += next;
    }
  }

  const std::string& head() const { return head_; }

  void send(std::string_view frame) { socket_.send_frame(binary_ ? 2 : 1, frame); }

  // The next frame as it came: "close CODE REASON" for a close frame, "nothing" when none came.
  std::string frame() {
    const shard::LoopbackClient::Frame frame = socket_.read_frame();
    if (frame.opcode == -1) return "nothing";
    if (frame.opcode == 9) return absl::StrCat("ping ", frame.payload);
    if (frame.opcode != 8) return frame.payload;
    if (frame.payload.size() < 2) return "close without a code";
    const int code =
        static_cast<unsigned char>(frame.payload[0]) << 8 | static_cast<unsigned char>(frame.payload[1]);
    return absl::StrCat("close ", code, " ", frame.payload.substr(2));
  }
  // The next message of a JSON client.
  std::string message() {
    if (unread_.empty()) unread_ = frame();
    const std::size_t length = unread_.find('\n');
    const std::string message = unread_.substr(0, length);
    unread_ = length == std::string::npos ? std::string() : unread_.substr(length + 1);
    return message;
  }
  // The header of a frame of this many bytes, 64 KiB or more, and none of them.
  void send_announced(std::uint64_t bytes) {
    std::string header = {static_cast<char>(binary_ ? 0x82 : 0x81), static_cast<char>(0xff)};
    for (int shift = 56; shift >= 0; shift -= 8) header.push_back(static_cast<char>(bytes >> shift));
    socket_.write(header + "mask");
  }
  // A ping frame is answered at once, while nothing else is to be read: its shard is awake.
  bool answers_ping(int within_ms) {
    socket_.send_frame(9, "");
    return socket_.readable(within_ms) && socket_.read_frame().opcode == 10;
  }
  // Answers a ping frame.
  void pong() { socket_.send_frame(10, ""); }
  // Sends it and gives what comes next.
  std::string ask(std::string_view command) {
    send(command);
    return message();
  }
  void end() { socket_.end(); }

 private:
  shard::LoopbackClient socket_;
  bool binary_;
  std::string head_;
  std::string unread_;
};

class SessionTest : public testing::Test {
 protected:
  static constexpr std::string_view kSecret = "a secret that is long enough for HS256";

  static std::shared_ptr<const Settings> settings_of(const std::string& text) {
    const std::string all =
        absl::StrCat("listen = [\"127.0.0.1:0\"]\nlisten_api = []\nmax_connections = 256\n", text);
    LoadedSettings loaded = parse_settings(all, "test.toml", {}, Surroundings::system());
    for (const Problem& problem : loaded.problems) ADD_FAILURE() << problem.to_string();
    return loaded.settings;
  }

  // `text` is TOML; it begins with the keys of [client], and `token` with further ones of [token].
  void start(const std::string& text, std::uint32_t shards = 2, const std::string& token = "") {
    const std::string secret(kSecret);
    const auto settings = settings_of(absl::StrCat("shards = ", shards, "\n[token]\nhmac_secret = \"", secret,
                                                   "\"\n", token, "[client]\n", text));
    ASSERT_TRUE(settings);
    auto snapshot = make_snapshot(settings);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    auto shared = SharedState::create(*snapshot, {});
    ASSERT_TRUE(shared.ok()) << shared.status();
    shared_ = *shared;
    shared_->config.log = [](std::string_view) {};
    auto server = Server::create(
        shared_->config, [this](std::uint32_t shard) { return std::make_unique<Gateway>(shared_, shard); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run().ok()); });
  }

  void TearDown() override {
    if (!thread_.joinable()) return;
    EXPECT_TRUE(becomes_true([this] { return letters_under_way() == 0; }));
    for (std::uint32_t shard = 0; shard < shared_->shards; ++shard)
      on_shard(shard, [](Gateway& gateway) { gateway.validate(); });
    server_->stop();
    thread_.join();
    const std::string counters = " " + server_->counters() + " ";
    for (const char* name : {"frames_live=0", "message_memory_used=0", "slots_in_use=0"}) {
      EXPECT_NE(counters.find(absl::StrCat(" ", name, " ")), std::string::npos) << counters;
    }
    server_.reset();
    EXPECT_EQ(shared_->publication_budget.used_bytes(), 0u);
  }

  static bool becomes_true(const std::function<bool()>& condition) { return eventually(condition); }
  std::uint64_t letters_under_way() const {
    std::uint64_t sum = 0;
    for (const Counters& counters : shared_->counters) sum += counters.letters_waiting.get();
    return sum;
  }
  std::uint64_t counted(shard::Counter Counters::*counter) const {
    std::uint64_t sum = 0;
    for (const Counters& counters : shared_->counters) sum += (counters.*counter).get();
    return sum;
  }

  static std::string token(std::string_view payload) {
    return auth::Signer::hmac(std::string(kSecret)).token(payload);
  }
  static std::string user_token(std::string_view user) {
    return token(absl::StrCat("{\"sub\":\"", std::string(user), "\"}"));
  }
  static std::int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  std::string endpoint() const { return server_->endpoints()[0].address; }
  std::unique_ptr<ProtocolClient> open(std::string_view target = "/connection/websocket") {
    return std::make_unique<ProtocolClient>(endpoint(), target);
  }
  std::unique_ptr<ProtocolClient> open_protobuf() {
    return std::make_unique<ProtocolClient>(endpoint(), "/connection/websocket", "centrifuge-protobuf");
  }
  static std::string connect_command(std::string_view connect_token) {
    if (connect_token.empty()) return "{\"connect\":{},\"id\":1}";
    return absl::StrCat("{\"connect\":{\"token\":\"", std::string(connect_token), "\"},\"id\":1}");
  }
  // Connected as this user; "" without a token.
  std::unique_ptr<ProtocolClient> connected(std::string_view user = "") {
    auto client = open();
    const std::string reply = client->ask(connect_command(user.empty() ? "" : user_token(user)));
    EXPECT_NE(reply.find("\"connect\":{\"client\":\""), std::string::npos) << reply;
    return client;
  }
  // One that is connected to this shard: which shard takes a connection is the kernel's choice.
  std::unique_ptr<ProtocolClient> connected_to(std::uint32_t shard, std::string_view user = "") {
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t before = shared_->counters[shard].connects.get();
      auto client = connected(user);
      if (shared_->counters[shard].connects.get() > before) return client;
    }
    ADD_FAILURE() << "no connection came to shard " << shard;
    return nullptr;
  }

  // Runs on a shard and waits for it.
  void on_shard(std::uint32_t shard, const std::function<void(Gateway&)>& task) {
    std::atomic<bool> done = false;
    ASSERT_TRUE(server_->post(shard, [&](Handler& handler) {
      task(static_cast<Gateway&>(handler));
      done = true;
    }));
    CHECK(becomes_true([&done] { return done.load(); }));  // the task refers to this frame
  }
  // Calls an operation on a shard and waits for its answer.
  template <class Answer, class Call>
  void operate(std::uint32_t shard, const Call& call, const std::function<void(const Answer&)>& check) {
    std::atomic<bool> answered = false;
    on_shard(shard, [&](Gateway& gateway) {
      call(gateway.operations(), Callback<Answer>([&](const Answer& answer) {
             check(answer);
             answered = true;
           }));
    });
    CHECK(becomes_true([&answered] { return answered.load(); }));
  }
  void publish(std::string_view channel, std::string_view payload, std::uint32_t shard = 0) {
    operate<PublishAnswer>(
        shard,
        [&](Operations& operations, Callback<PublishAnswer> done) {
          PublishOperation operation;
          operation.channel = channel;
          operation.payload = payload;
          operations.publish(operation, std::move(done));
        },
        [](const PublishAnswer& answer) { EXPECT_FALSE(answer.failure); });
  }

  std::shared_ptr<SharedState> shared_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

// What stands behind `"name":` in a JSON message, up to the end of the value; for texts without their quotes.
inline std::string value_of(const std::string& message, std::string_view name) {
  const std::string key = absl::StrCat("\"", std::string(name), "\":");
  const std::size_t found = message.find(key);
  if (found == std::string::npos) return "";
  std::size_t from = found + key.size();
  const bool text = message[from] == '"';
  if (text) ++from;
  return message.substr(from, message.find_first_of(text ? "\"" : ",}]", from) - from);
}

// The message without the values that differ from run to run: client ids and epochs become "?".
inline std::string masked(std::string message) {
  for (const char* name : {"client", "epoch", "session"}) {
    const std::string key = absl::StrCat("\"", name, "\":\"");
    for (std::size_t at = message.find(key); at != std::string::npos; at = message.find(key, at + 1)) {
      const std::size_t from = at + key.size();
      message.replace(from, message.find('"', from) - from, "?");
    }
  }
  return message;
}

}  // namespace holdfast::gateway
