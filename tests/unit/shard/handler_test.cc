// What a handler may ask of its shard: shared messages, a timer, the time, tasks for other shards; and that
// misuse ends the process instead of touching memory that is gone.
#include "holdfast/handler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "scripted_fixture.h"

namespace holdfast {
namespace {

using shard::LoopbackClient;
using shard::Scripted;
using shard::ScriptedServerTest;
using namespace std::chrono_literals;

constexpr std::uint64_t kMillisecondNs = 1'000'000;

using HandlerTest = ScriptedServerTest;

TEST_F(HandlerTest, HasALastWordWhenAConnectionIsDrained) {
  int told = 0;
  script_.drain = [&told](Scripted& handler, Connection connection) {
    connection.send(Message::text("last"));
    // Ending another that is drained in the same turn, or this one, is taken as it comes.
    if (++told == 1) handler.open.back().close(3500, "by the handler");
  };
  config_.drain_timeout = 100ms;
  start();
  std::vector<std::unique_ptr<LoopbackClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<LoopbackClient>(server_->endpoints()[0].address));
    ASSERT_TRUE(clients.back()->handshake());
  }
  ASSERT_TRUE(counts("connections_open=3"));
  server_->drain();
  int ended_by_handler = 0;
  for (auto& client : clients) {
    auto frame = client->read_frame();
    if (frame.opcode == 1) {
      EXPECT_EQ(frame.payload, "last");
      frame = client->read_frame();
    }
    ASSERT_EQ(frame.opcode, 8);
    ended_by_handler += frame.payload == std::string("\x0d\xac") + "by the handler" ? 1 : 0;
    client->end();
  }
  EXPECT_EQ(ended_by_handler, 1);
  thread_.join();
  EXPECT_GE(told, 2);
}

class SharedMessageTest : public HandlerTest {
 protected:
  // One client of each protocol, all of them known to the handler.
  void connect() {
    websocket_.emplace(server_->endpoints()[0].address);
    ASSERT_TRUE(websocket_->handshake());
    tcp_.emplace(server_->endpoints()[1].address);
    http_.emplace(server_->endpoints()[2].address);
    ASSERT_TRUE(http_->write("x"));  // an HTTP connection opens with its first byte
    ASSERT_TRUE(counts("connections_open=3"));
  }
  std::optional<LoopbackClient> websocket_, tcp_, http_;
};

TEST_F(SharedMessageTest, ReachesEachProtocolInItsOwnFraming) {
  start();
  connect();
  for (std::size_t size : {0u, 1u, 125u, 126u, 60'000u}) {
    const std::string text(size, 's');
    on_shard([&](Scripted& handler) {
      const SharedMessage message = handler.share(Message::text(text));
      ASSERT_TRUE(message);
      for (Connection connection : handler.open) EXPECT_EQ(connection.send(message), SendResult::queued);
    });
    const auto frame = websocket_->read_frame();
    EXPECT_EQ(frame.opcode, 1);
    EXPECT_EQ(frame.payload, text);
    std::string framed = {0, 0, static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
    EXPECT_EQ(tcp_->read(4 + size), framed + text);
    EXPECT_EQ(http_->read(size), text);
  }
}

TEST_F(SharedMessageTest, MayBeCopiedMovedKeptAndSentAgainInALaterTurn) {
  start();
  connect();
  on_shard([](Scripted& handler) {
    SharedMessage made = handler.share(Message::text("kept"));
    SharedMessage copy = made;
    SharedMessage moved = std::move(made);
    EXPECT_FALSE(made);
    EXPECT_TRUE(copy);
    copy = moved;
    copy = SharedMessage();
    handler.kept = std::move(moved);
  });
  EXPECT_TRUE(counts("frames_live=1"));
  for (int round = 0; round < 3; ++round) {
    on_shard([](Scripted& handler) {
      for (Connection connection : handler.open) connection.send(handler.kept);
    });
    EXPECT_EQ(websocket_->read_frame().payload, "kept");
    EXPECT_EQ(tcp_->read(8), std::string("\0\0\0\4kept", 8));
    EXPECT_EQ(http_->read(4), "kept");
  }
  EXPECT_TRUE(counts("frames_live=3")) << "one for each framing";
  EXPECT_TRUE(counts("messages_out=9"));
  on_shard([](Scripted& handler) { handler.kept = SharedMessage(); });
  EXPECT_TRUE(counts("frames_live=0"));
}

TEST_F(SharedMessageTest, GoesOutWhenItsLastHandleIsGoneBeforeTheSend) {
  start();
  connect();
  on_shard([](Scripted& handler) {
    for (int i = 0; i < 100; ++i) {
      const SharedMessage message = handler.share(Message::text(std::to_string(i)));
      for (Connection connection : handler.open) connection.send(message);
    }
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(websocket_->read_frame().payload, std::to_string(i));
}

TEST_F(SharedMessageTest, IsEmptyWhenMemoryIsUsedUpAndSendingItSaysSo) {
  config_.max_message_bytes = 1024;
  config_.max_outbox_bytes = 4096;
  config_.message_memory_bytes = 1u << 20;
  start();
  connect();
  on_shard([](Scripted& handler) {
    std::vector<SharedMessage> held;
    const std::string large(60'000, 'x');
    do {
      held.push_back(handler.share(Message::text(large)));
    } while (held.back() && held.size() < 1000);
    ASSERT_LT(held.size(), 1000u);
    EXPECT_EQ(handler.open[0].send(held.back()), SendResult::refused);
    EXPECT_EQ(handler.open[0].send(SharedMessage()), SendResult::refused);
    EXPECT_TRUE(handler.open[0].is_open());
    EXPECT_EQ(Connection().send(held.back()), SendResult::closed);
  });
  EXPECT_TRUE(counts("memory_refusals=1"));
  EXPECT_TRUE(counts("connections_open=3"));
}

// More than sockets hold, to somebody who does not read.
constexpr int kMoreThanSocketsHold = 100'000;

TEST_F(SharedMessageTest, SentOverTheBoundEndsTheConnectionAsAMessageDoes) {
  config_.max_message_bytes = 1024;
  config_.max_outbox_bytes = 4096;
  start();
  connect();
  on_shard([](Scripted& handler) {
    const SharedMessage message = handler.share(Message::text(std::string(1000, 'x')));
    for (Connection connection : std::vector<Connection>(handler.open)) {
      SendResult result = SendResult::queued;
      int sent = 0;
      for (; sent < kMoreThanSocketsHold && result != SendResult::overflowed; ++sent) {
        result = connection.send(message);
        EXPECT_NE(result, SendResult::closed);
      }
      EXPECT_EQ(result, SendResult::overflowed);
      EXPECT_GT(sent, 5) << "what the kernel takes is not owed any more";
      EXPECT_EQ(connection.send(message), SendResult::closed);
    }
  });
  EXPECT_TRUE(counts("connections_open=0"));
  EXPECT_TRUE(counts("outbox_overflows=3"));
}

TEST_F(SharedMessageTest, OneMessageMoreThanTheBoundEndsTheConnectionHoweverSmall) {
  config_.max_outbox_messages = 16;
  config_.overflow_close_code = 3008;
  start();
  connect();
  int sent = 0;
  on_shard([&sent](Scripted& handler) {
    const SharedMessage large = handler.share(Message::text(std::string(60'000, 'x')));
    const SharedMessage small = handler.share(Message::text("x"));
    for (Connection connection : std::vector<Connection>(handler.open)) {
      // Until the socket is full, which takes a flush to be found out: at the bound, or because of it.
      sent = 0;
      SendResult result = SendResult::queued;
      for (; sent < 10'000 && result == SendResult::queued; ++sent) {
        result = connection.send(large);
        EXPECT_LE(connection.outbox_messages(), 16u);
      }
      ASSERT_EQ(result, SendResult::backlogged);
      while (connection.outbox_messages() < 16) {
        EXPECT_EQ(connection.send(small), SendResult::backlogged);
        ++sent;
      }
      EXPECT_EQ(connection.send(small), SendResult::overflowed);
      EXPECT_EQ(connection.send(small), SendResult::closed);
    }
  });
  // A beginning of what was sent, then the reason.
  auto frame = websocket_->read_frame();
  int received = 0;
  for (; frame.opcode == 1; frame = websocket_->read_frame()) ++received;
  EXPECT_EQ(frame.opcode, 8);
  EXPECT_EQ(frame.payload, std::string("\x0b\xc0slow"));
  EXPECT_LT(received, sent);
  EXPECT_TRUE(counts("outbox_overflows=3"));
}

TEST_F(SharedMessageTest, MayBeSentInOneTurnToOneWhoReadsAsOftenAsOneLikes) {
  config_.max_message_bytes = 1024;
  config_.max_outbox_bytes = 4096;
  config_.max_outbox_messages = 16;
  start();
  connect();
  const std::string text(1000, 'x');
  on_shard([&text](Scripted& handler) {
    const SharedMessage message = handler.share(Message::text(text));
    for (int i = 0; i < 50; ++i) {
      for (Connection connection : handler.open) EXPECT_EQ(connection.send(message), SendResult::queued);
    }
  });
  for (int i = 0; i < 50; ++i) ASSERT_EQ(websocket_->read_frame().payload, text);
  EXPECT_TRUE(counts("outbox_overflows=0"));
  EXPECT_TRUE(counts("connections_open=3"));
}

TEST_F(SharedMessageTest, BelowTheBoundNobodyIsEndedHoweverManyFollow) {
  config_.max_outbox_messages = 16;
  start();
  connect();
  for (int i = 0; i < 10; ++i) {
    // Half the bound, because what has been read may not be known to have left.
    on_shard([](Scripted& handler) {
      const SharedMessage message = handler.share(Message::text("x"));
      for (Connection connection : handler.open) {
        for (int n = 0; n < 8; ++n) EXPECT_EQ(connection.send(message), SendResult::queued);
      }
    });
    for (int n = 0; n < 8; ++n) EXPECT_EQ(websocket_->read_frame().payload, "x");
  }
  EXPECT_TRUE(counts("outbox_overflows=0"));
}

TEST_F(SharedMessageTest, InATaskThatNeverRanEndsWithTheShard) {
  start();
  on_shard([this](Scripted& handler) {
    // More than a turn's worth, each with a handle; the server stops before they have all run.
    const SharedMessage message = handler.share(Message::text("x"));
    for (int i = 0; i < 10'000; ++i) handler.server().post(0, [message](Handler&) {});
    server_->stop();
  });
}

using SharedMessageDeathTest = SharedMessageTest;

TEST_F(SharedMessageDeathTest, MustNotOutliveItsShard) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        start();
        static SharedMessage outlives;
        on_shard([](Scripted& handler) { outlives = handler.share(Message::text("x")); });
        stop();
      },
      "shared_handles_ == 0");
}

TEST_F(SharedMessageDeathTest, MustNotBeTouchedByAnotherThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        start();
        on_shard([](Scripted& handler) { handler.kept = handler.share(Message::text("x")); });
        on_shard([](Scripted& handler) { std::thread([&] { SharedMessage copy = handler.kept; }).join(); });
      },
      "current\\(\\) == this");
}

TEST_F(SharedMessageDeathTest, MustNotBeSentToAConnectionOfAnotherShard) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        start();
        on_shard([](Scripted& handler) { std::thread([&] { handler.now_ns(); }).join(); });
      },
      "shard != nullptr");
}

TEST_F(HandlerTest, TheTimerFiresOnceAtOrAfterItsTime) {
  std::atomic<int> fired = 0;
  std::atomic<bool> early = false;
  std::uint64_t due_ns = 0;
  script_.started = [&](Scripted& handler) {
    due_ns = handler.now_ns() + 30 * kMillisecondNs;
    handler.wake_at(due_ns);
  };
  script_.timer = [&](Scripted& handler) {
    early = early || handler.now_ns() < due_ns;
    ++fired;
  };
  start();
  for (int i = 0; i < 1000 && fired == 0; ++i) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(100ms);
  on_shard([](Scripted& handler) { EXPECT_EQ(handler.timers, 1); });
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(early);
}

TEST_F(HandlerTest, TheTimerWakesASleepingShardAgainAndAgain) {
  std::atomic<int> fired = 0;
  script_.started = [](Scripted& handler) { handler.wake_at(handler.now_ns() + kMillisecondNs); };
  script_.timer = [&](Scripted& handler) {
    ++fired;
    handler.wake_at(handler.now_ns() + kMillisecondNs);
  };
  start();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000 && fired < 100; ++i) std::this_thread::sleep_for(10ms);
  stop();  // the timer refers to this frame
  EXPECT_GE(fired, 100) << "a shard without clients sleeps for a second at a time";
  EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
}

TEST_F(HandlerTest, ALaterCallReplacesTheTimeAndZeroCancelsIt) {
  start();
  on_shard([](Scripted& handler) {
    handler.wake_at(handler.now_ns() + 20 * kMillisecondNs);
    handler.wake_at(handler.now_ns() + 600'000 * kMillisecondNs);
  });
  std::this_thread::sleep_for(200ms);
  on_shard([](Scripted& handler) {
    EXPECT_EQ(handler.timers, 0) << "replaced by a later one";
    handler.wake_at(handler.now_ns() + 20 * kMillisecondNs);
    handler.wake_at(0);
  });
  std::this_thread::sleep_for(200ms);
  on_shard([](Scripted& handler) {
    EXPECT_EQ(handler.timers, 0) << "cancelled";
    handler.wake_at(handler.now_ns() + 600'000 * kMillisecondNs);
    handler.wake_at(1);  // long past
  });
  for (int i = 0; i < 500; ++i) {
    int timers = 0;
    on_shard([&](Scripted& handler) { timers = handler.timers; });
    if (timers == 1) return;
  }
  FAIL() << "an earlier time did not replace the later one";
}

TEST_F(HandlerTest, TheTimeIsTheSameForAWholeTurnAndTheWallClockIsThatOfTheHost) {
  start();
  std::uint64_t before = 0;
  on_shard([&](Scripted& handler) {
    before = handler.now_ns();
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(handler.now_ns(), before);
    const auto host = std::chrono::system_clock::now().time_since_epoch();
    EXPECT_NEAR(static_cast<double>(handler.unix_time_s()),
                std::chrono::duration_cast<std::chrono::duration<double>>(host).count(), 5.0);
  });
  on_shard([&](Scripted& handler) { EXPECT_GT(handler.now_ns(), before); });
}

TEST_F(HandlerTest, IsToldOnceThatItsShardHasStopped) {
  std::atomic<int> stopped = 0;
  script_.stopped = [&](Scripted& handler) {
    EXPECT_TRUE(handler.open.empty());
    EXPECT_GT(handler.now_ns(), 0u);
    ++stopped;
  };
  start(3);
  LoopbackClient client(server_->endpoints()[0].address);
  ASSERT_TRUE(client.handshake());
  EXPECT_EQ(stopped, 0);
  stop();
  EXPECT_EQ(stopped, 3);
}

TEST_F(HandlerTest, TasksFromOneShardToAnotherRunInOrderAndThoseToItselfToo) {
  start(3);
  constexpr int kTasks = 5000;
  struct Seen {
    std::vector<int> numbers;
    std::atomic<int> count = 0;
  };
  // From shard 0 to each, from shard 1 to each: the order of each pair is kept.
  std::vector<Seen> seen(6);
  std::atomic<int> refused = 0;
  std::array<std::function<void(Handler&, std::array<int, 3>)>, 2> posters;
  for (std::uint32_t from : {0u, 1u}) {
    // Posts what it can and goes on in a task of its own: a full mailbox is tried again.
    auto* go_on = &posters[from];
    *go_on = [&, from, go_on](Handler& handler, std::array<int, 3> next) {
      bool left = false;
      for (std::uint32_t to = 0; to < 3; ++to) {
        Seen& pair = seen[from * 3 + to];
        for (int posted = 0; posted < 700 && next[to] < kTasks; ++posted) {
          const int number = next[to];
          const bool taken = handler.server().post(to, [&pair, number](Handler&) {
            pair.numbers.push_back(number);
            ++pair.count;
          });
          if (!taken) {
            ++refused;
            break;
          }
          ++next[to];
        }
        left = left || next[to] < kTasks;
      }
      if (left) {
        ASSERT_TRUE(handler.server().post(from, [go_on, next](Handler& again) { (*go_on)(again, next); }));
      }
    };
    ASSERT_TRUE(server_->post(from, [go_on](Handler& handler) { (*go_on)(handler, {}); }));
  }
  const auto all_ran = [&] {
    return std::all_of(seen.begin(), seen.end(), [](const Seen& pair) { return pair.count == kTasks; });
  };
  for (int i = 0; i < 2000 && !all_ran(); ++i) std::this_thread::sleep_for(5ms);
  ASSERT_TRUE(all_ran());
  stop();
  for (const Seen& pair : seen) EXPECT_TRUE(std::is_sorted(pair.numbers.begin(), pair.numbers.end()));
  EXPECT_NE(server_->counters().find("mailbox_refusals=" + std::to_string(refused)), std::string::npos);
}

TEST_F(HandlerTest, ATaskThatFindsTheMailboxFullMayBePostedAgain) {
  start();
  std::atomic<int> ran = 0;
  on_shard([&](Scripted& handler) {
    Server::Task task = [&ran](Handler&) { ++ran; };
    int posted = 0;
    while (handler.server().post(0, Server::Task(task))) ASSERT_LT(++posted, 1'000'000);
    EXPECT_FALSE(handler.server().post(0, std::move(task)));
    ASSERT_TRUE(task) << "it is still the caller's";
    ran = -posted;
  });
  for (int i = 0; i < 1000 && ran < 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(ran, 0);
}

TEST_F(HandlerTest, ATaskPostedToTheOwnShardNeverRunsInsideTheCall) {
  start();
  on_shard([](Scripted& handler) {
    auto inside = std::make_shared<bool>(true);
    ASSERT_TRUE(handler.server().post(0, [inside](Handler&) { EXPECT_FALSE(*inside); }));
    *inside = false;
  });
}

}  // namespace
}  // namespace holdfast
