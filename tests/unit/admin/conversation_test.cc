// Conversations: answers in the order of requests whatever the order in which they are ready, any split of
// the bytes, bounds, and ends.
#include "admin/conversation.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::admin {
namespace {

const http::RequestLimits kLimits{.body_bytes = 1000};
constexpr std::int64_t kTime = 784'111'777;

std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
std::string answer_to(const std::string& path, const std::string& fields = "") {
  return "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; "
         "charset=utf-8\r\n"
         "Content-Length: " +
         std::to_string(path.size()) + "\r\n" + fields + "\r\n" + path;
}

// Answers each request with its path and body, at once or when told to.
struct Server {
  Conversation conversation{&kLimits};
  bool later = false;
  std::vector<std::pair<std::uint64_t, std::string>> waiting;

  void receive(std::string_view bytes) {
    const std::string copy(bytes);  // dies with the call, as receive memory does
    conversation.receive(
        copy, [this](const http::ReceivedRequest& request, std::uint64_t number) { take(request, number); });
  }
  void resume() {
    conversation.resume(
        [this](const http::ReceivedRequest& request, std::uint64_t number) { take(request, number); });
  }
  void take(const http::ReceivedRequest& request, std::uint64_t number) {
    const std::string text = std::string(request.head.path).append(request.body);
    if (later) {
      waiting.emplace_back(number, text);
    } else {
      conversation.answer(number, {.body = text}, kTime);
    }
  }
  void answer(std::size_t place) {
    const auto [number, text] = waiting.at(place);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(place));
    conversation.answer(number, {.body = text}, kTime);
  }
  std::string sent() { return std::exchange(conversation.output(), {}); }
};

TEST(Conversation, AnswersRequestsInAnySplitTheSame) {
  const std::string stream = get("/a") + post("/b", "body") + get("/c", "Connection: close\r\n");
  const std::string expected =
      answer_to("/a") + answer_to("/bbody") + answer_to("/c", "Connection: close\r\n");
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    Server server;
    std::string said;
    for (std::size_t place = 0; place < stream.size(); place += step) {
      server.receive(std::string_view(stream).substr(place, step));
      said += server.sent();
    }
    EXPECT_EQ(said, expected) << step;
    EXPECT_TRUE(server.conversation.finished());
  }
}

TEST(Conversation, LateAnswersLeaveInTheOrderOfTheRequests) {
  Server server;
  server.later = true;
  server.receive(get("/a") + get("/b") + get("/c"));
  ASSERT_EQ(server.waiting.size(), 3u);
  server.answer(1);
  EXPECT_EQ(server.sent(), "");
  server.answer(0);
  EXPECT_EQ(server.sent(), answer_to("/a") + answer_to("/b"));
  server.answer(0);
  EXPECT_EQ(server.sent(), answer_to("/c"));
  EXPECT_FALSE(server.conversation.finished());
}

TEST(Conversation, TooManyUnansweredRequestsWaitWhereTheyAre) {
  Server server;
  server.later = true;
  std::string stream;
  for (int i = 0; i < 100; ++i) stream += get("/x" + std::to_string(i));
  server.receive(stream);
  EXPECT_EQ(server.waiting.size(), Conversation::kUnansweredMaximum);
  EXPECT_TRUE(server.conversation.blocked());
  server.receive(get("/last"));
  EXPECT_EQ(server.waiting.size(), Conversation::kUnansweredMaximum);
  std::string said;
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += answer_to("/x" + std::to_string(i));
  while (!server.waiting.empty()) {
    server.answer(0);
    said += server.sent();
    server.resume();
  }
  EXPECT_EQ(said, expected + answer_to("/last"));
  EXPECT_FALSE(server.conversation.blocked());
  EXPECT_FALSE(server.conversation.has_unread());
}

TEST(Conversation, OutputThatNobodyTakesStopsTheReading) {
  Server server;
  const std::string body(900, 'x');
  std::string stream;
  for (int i = 0; i < 500; ++i) stream += post("/", body);
  server.receive(stream);
  EXPECT_TRUE(server.conversation.blocked());
  EXPECT_LT(server.conversation.output().size(), Conversation::kOutputBytesMaximum + 2000);
  std::size_t rounds = 0;
  std::size_t bytes = 0;
  while (!server.conversation.output().empty()) {
    bytes += server.sent().size();
    server.resume();
    ++rounds;
  }
  EXPECT_EQ(bytes, 500 * answer_to("/" + body).size());
  EXPECT_GT(rounds, 5u);
}

TEST(Conversation, NothingIsReadBehindARequestThatClosesTheConnection) {
  Server server;
  server.receive(get("/a", "Connection: close\r\n") + get("/b"));
  EXPECT_EQ(server.sent(), answer_to("/a", "Connection: close\r\n"));
  EXPECT_TRUE(server.conversation.finished());
  EXPECT_TRUE(server.conversation.cut_short());
  server.receive(get("/c"));
  EXPECT_EQ(server.sent(), "");
}

TEST(Conversation, ARefusalLeavesBehindWhatIsOwedBeforeIt) {
  Server server;
  server.later = true;
  server.receive(get("/a") + "nonsense\r\n\r\n");
  EXPECT_EQ(server.sent(), "");
  EXPECT_FALSE(server.conversation.finished());
  server.answer(0);
  const std::string said = server.sent();
  EXPECT_EQ(said.substr(0, answer_to("/a").size()), answer_to("/a"));
  EXPECT_EQ(said.substr(answer_to("/a").size(), 12), "HTTP/1.1 400");
  EXPECT_TRUE(server.conversation.finished());
  EXPECT_TRUE(server.conversation.cut_short());
}

TEST(Conversation, BodiesAreBounded) {
  Server server;
  server.receive(post("/", std::string(1001, 'x')));
  EXPECT_EQ(server.sent().substr(0, 12), "HTTP/1.1 413");
}

TEST(Conversation, ContinueIsSaidInItsPlace) {
  Server server;
  server.later = true;
  server.receive(get("/a"));
  server.receive("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(server.sent(), "");
  server.answer(0);
  EXPECT_EQ(server.sent(), answer_to("/a") + std::string(http::kContinueResponse));
  server.receive("hi");
  server.answer(0);
  EXPECT_EQ(server.sent(), answer_to("/bhi"));
}

TEST(Conversation, HeadIsAnsweredWithoutABody) {
  Server server;
  server.receive("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string whole = answer_to("/a");
  EXPECT_EQ(server.sent(), whole.substr(0, whole.size() - 2));
}

TEST(Conversation, KnowsWhetherTheClientIsWaitedFor) {
  Server server;
  EXPECT_FALSE(server.conversation.request_under_way());
  server.receive("GET /a HT");
  EXPECT_TRUE(server.conversation.request_under_way());
  EXPECT_GT(server.conversation.held_bytes(), 0u);
  server.receive("TP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(server.conversation.request_under_way());
  server.receive("GET /b");
  server.conversation.refuse(http::Status::request_timeout);
  EXPECT_FALSE(server.conversation.request_under_way());
  EXPECT_EQ(server.sent().substr(answer_to("/a").size(), 12), "HTTP/1.1 408");
  EXPECT_TRUE(server.conversation.finished());
}

TEST(Conversation, OnlyALoneRequestTakesTheConnectionOver) {
  Server server;
  server.later = true;
  server.receive(get("/a") + get("/b"));
  EXPECT_FALSE(server.conversation.hand_over(1));
  server.answer(0);
  EXPECT_TRUE(server.conversation.hand_over(1));
  EXPECT_TRUE(server.conversation.ending());
  server.receive(get("/c"));
  EXPECT_EQ(server.waiting.size(), 1u);
}

}  // namespace
}  // namespace holdfast::admin
