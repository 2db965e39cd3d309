// The simulated ring keeps the Ring contract, with the kernel's semantics, and notices those who do not.
// Each test is a small loop written by hand against one ring in a calm world; faults are switched on one at a
// time.
#include "ring/simulated_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ring {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class SimulatedRingTest : public testing::Test {
 protected:
  void start(std::uint32_t slots, SimulatedRingOptions options = {}) {
    ring.emplace(&world, options);
    ASSERT_TRUE(ring->start().ok());
    ASSERT_TRUE(ring->register_slots(slots).ok());
    listener = world.listen(16);
  }
  static Tag tag(Op op, memory::Index slot, std::uint32_t generation = 1) {
    return Tag{op, generation, slot};
  }

  std::vector<Completion> reap() {
    std::vector<Completion> all(64);
    all.resize(ring->reap(all));
    return all;
  }
  std::vector<Completion> wait(std::uint64_t timeout_ns = kMillisecond) {
    ring->submit_and_wait(Wait{.events = 1, .timeout_ns = timeout_ns});
    return reap();
  }
  std::vector<Completion> submit() {
    ring->submit();
    return reap();
  }
  // A connected client whose socket sits in a slot of the ring.
  SimulatedConnection* accepted() {
    if (!accepting) ring->accept_multishot(listener, tag(Op::accept, 0));
    accepting = true;
    SimulatedConnection* client = world.connect(listener, nullptr, 0x7f000001);
    std::vector<Completion> completions = wait();
    EXPECT_EQ(completions.size(), 1u);
    EXPECT_TRUE(completions.at(0).more());
    return client;
  }
  void expect_no_violations() { EXPECT_EQ(world.violations(), std::vector<std::string>{}); }

  SimulatedWorld world{1};
  std::optional<SimulatedRing> ring;
  int listener = -1;
  bool accepting = false;
  std::byte buffer[64] = {};
};

TEST_F(SimulatedRingTest, AcceptsIntoTheLowestFreeSlotAtOrAfterTheOneReleasedLast) {
  start(4);
  for (memory::Index slot = 0; slot < 3; ++slot) {
    ring->accept_multishot(listener, tag(Op::accept, 0));
    world.connect(listener, nullptr, 1);
    EXPECT_EQ(wait().at(0).result, static_cast<int>(slot));
    ring->cancel(tag(Op::accept, 0), tag(Op::cancel, 0));
    EXPECT_EQ(wait().size(), 2u);
  }
  ring->close(1, tag(Op::close, 1));
  EXPECT_EQ(submit().at(0).result, 0);
  accepting = false;
  ring->accept_multishot(listener, tag(Op::accept, 0));
  world.connect(listener, nullptr, 1);
  EXPECT_EQ(wait().at(0).result, 1);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, AFullTableEndsTheAcceptAndDropsTheConnectionItHadTaken) {
  start(1);
  accepted();
  SimulatedConnection* unlucky = world.connect(listener, nullptr, 1);
  SimulatedConnection* waiting = world.connect(listener, nullptr, 1);
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, -ENFILE);
  EXPECT_FALSE(completions[0].more());
  EXPECT_EQ(unlucky->server_end(), SimulatedConnection::ServerEnd::finished);
  EXPECT_EQ(waiting->server_end(), SimulatedConnection::ServerEnd::open);
  EXPECT_EQ(world.accept_queue(listener), 1u);
}

TEST_F(SimulatedRingTest, APlannedFailureHitsTheOneOperationAndBreaksOffItsConnection) {
  start(4);
  SimulatedConnection* unharmed = accepted();
  SimulatedConnection* victim = accepted();
  const std::uint64_t before = world.operations(Op::send);
  world.plan_failure({Op::send, before + 2, ECONNRESET});
  ring->send(0, bytes_of("first"), tag(Op::send, 0));
  EXPECT_EQ(submit().at(0).result, 5);
  ring->send(1, bytes_of("second"), tag(Op::send, 1));
  EXPECT_EQ(submit().at(0).result, -ECONNRESET);
  ring->send(0, bytes_of("third"), tag(Op::send, 0));
  EXPECT_EQ(submit().at(0).result, 5);
  EXPECT_EQ(world.operations(Op::send), before + 3);
  EXPECT_EQ(world.victim(), victim->id());
  EXPECT_EQ(victim->server_end(), SimulatedConnection::ServerEnd::reset);
  EXPECT_EQ(unharmed->server_end(), SimulatedConnection::ServerEnd::open);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, APlannedFailureForWantOfMemoryLeavesTheConnectionAsItIs) {
  start(4);
  SimulatedConnection* client = accepted();
  client->client_send(bytes_of("abc"));
  world.plan_failure({Op::receive, world.operations(Op::receive) + 1, ENOBUFS});
  ring->receive(0, buffer, tag(Op::receive, 0));
  EXPECT_EQ(submit().at(0).result, -ENOBUFS);
  ring->receive(0, buffer, tag(Op::receive, 0));
  EXPECT_EQ(submit().at(0).result, 3);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, ALateWakeUpArrivesMillisecondsAfterItsReason) {
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  EXPECT_TRUE(wait().empty());
  world.faults().poll_late = 10'000;
  const std::uint64_t sent_ns = world.now_ns();
  client->client_send(bytes_of("abc"));
  std::vector<Completion> completions;
  while (completions.empty() && world.now_ns() < sent_ns + 100 * kMillisecond) completions = wait();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 1);
  EXPECT_GT(world.now_ns(), sent_ns);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, AMultishotPollReportsEachArrivalOnceAndNotWhatIsLeftOver) {
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  EXPECT_TRUE(wait().empty());
  client->client_send(bytes_of("abcdef"));
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 1);
  EXPECT_TRUE(completions[0].more());
  ring->receive(0, std::span(buffer, 2), tag(Op::receive, 0));
  completions = submit();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 2);
  EXPECT_TRUE(completions[0].nonempty());
  EXPECT_TRUE(wait().empty()) << "an edge, not a level";
  client->client_send(bytes_of("g"));
  EXPECT_EQ(wait().size(), 1u);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, AMultishotPollSurvivesTheEndOfThePeerAndHoldsItsSocketWhenTheSlotIsClosed) {
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  client->client_finish();
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 0x2001);
  EXPECT_TRUE(completions[0].more());
  ring->close(0, tag(Op::close, 0));
  EXPECT_EQ(submit().at(0).result, 0);
  EXPECT_EQ(client->server_end(), SimulatedConnection::ServerEnd::open)
      << "the armed poll keeps the FIN back";
  EXPECT_EQ(world.open_sockets(), 1u);
  ASSERT_EQ(world.violations().size(), 1u);
  EXPECT_NE(world.violations()[0].find("R4"), std::string::npos);
}

TEST_F(SimulatedRingTest, CancelThenJoinThenCloseSendsTheFinAndFreesTheSocket) {
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  wait();
  ring->cancel(tag(Op::readable, 0), tag(Op::cancel, 0));
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 2u);
  EXPECT_TRUE(std::any_of(completions.begin(), completions.end(), [](const Completion& completion) {
    return completion.tag().op == Op::readable && completion.result == -ECANCELED && !completion.more();
  }));
  ring->close(0, tag(Op::close, 0));
  submit();
  EXPECT_EQ(client->server_end(), SimulatedConnection::ServerEnd::finished);
  EXPECT_EQ(world.open_sockets(), 0u);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, ALateCancelCompletesTheTargetAfterTheCancel) {
  world.faults().cancel_late = 10'000;
  start(4);
  accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  wait();
  ring->cancel(tag(Op::readable, 0), tag(Op::cancel, 0));
  std::vector<Completion> completions = submit();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].tag().op, Op::cancel);
  completions = wait(100 * kMillisecond);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, -ECANCELED);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, ARacedCancelFailsAndItsTargetStillEnds) {
  world.faults().cancel_race = 10'000;
  start(4);
  accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  wait();
  ring->cancel(tag(Op::readable, 0), tag(Op::cancel, 0));
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 2u);
  EXPECT_TRUE(completions[0].result == -EALREADY || completions[0].result == -ENOENT);
  EXPECT_FALSE(completions[1].more());
  EXPECT_EQ(ring->armed(), 1u) << "the accept only";
  expect_no_violations();
}

TEST_F(SimulatedRingTest, ReceivesAndSendsWithoutWaiting) {
  world.set_buffers(16, 8);
  start(4);
  SimulatedConnection* client = accepted();
  ring->receive(0, buffer, tag(Op::receive, 0));
  EXPECT_EQ(submit().at(0).result, -EAGAIN);
  ring->send(0, bytes_of("0123456789"), tag(Op::send, 0));
  EXPECT_EQ(submit().at(0).result, 8) << "as much as the buffer takes";
  ring->send(0, bytes_of("89"), tag(Op::send, 0));
  EXPECT_EQ(submit().at(0).result, -EAGAIN);
  ring->arm_writable(0, tag(Op::writable, 0));
  EXPECT_TRUE(wait().empty());
  EXPECT_EQ(client->client_receive(std::span(buffer, 4)), 4u);
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].result, 4);
  EXPECT_FALSE(completions[0].more()) << "one-shot";
  expect_no_violations();
}

TEST_F(SimulatedRingTest, ReceivedBytesAreInPlaceOnlyOnceTheCompletionIsReaped) {
  start(4);
  SimulatedConnection* client = accepted();
  client->client_send(bytes_of("hello"));
  ring->receive(0, buffer, tag(Op::receive, 0));
  ring->submit();
  EXPECT_NE(buffer[0], std::byte{'h'});
  ASSERT_EQ(reap().at(0).result, 5);
  EXPECT_TRUE(std::ranges::equal(std::span(buffer, 5), bytes_of("hello")));
}

TEST_F(SimulatedRingTest, AResetIsReportedOnceAfterTheInputThatCameBefore) {
  start(4);
  SimulatedConnection* client = accepted();
  client->client_reset();
  ring->receive(0, buffer, tag(Op::receive, 0));
  EXPECT_EQ(submit().at(0).result, -ECONNRESET);
  ring->receive(0, buffer, tag(Op::receive, 0));
  EXPECT_EQ(submit().at(0).result, 0);
  ring->send(0, bytes_of("x"), tag(Op::send, 0));
  EXPECT_EQ(submit().at(0).result, -EPIPE);
}

TEST_F(SimulatedRingTest, ClosingWithUnreadInputResetsThePeer) {
  start(4);
  SimulatedConnection* client = accepted();
  client->client_send(bytes_of("unread"));
  ring->close(0, tag(Op::close, 0));
  submit();
  EXPECT_EQ(client->server_end(), SimulatedConnection::ServerEnd::reset);
}

TEST_F(SimulatedRingTest, PartialFaultsLoseNothingAndAreFollowedByAWakeUp) {
  world.faults().partial_receive = 10'000;
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  client->client_send(bytes_of("abcdefgh"));
  std::string got;
  for (int turn = 0; turn < 100 && got.size() < 8; ++turn) {
    for (const Completion& completion : wait()) {
      if (completion.tag().op == Op::readable) ring->receive(0, buffer, tag(Op::receive, 0));
      if (completion.tag().op != Op::receive) continue;
      ASSERT_GT(completion.result, 0);
      got.append(reinterpret_cast<char*>(buffer), static_cast<std::size_t>(completion.result));
    }
  }
  EXPECT_EQ(got, "abcdefgh");
  expect_no_violations();
}

TEST_F(SimulatedRingTest, AFullCompletionQueueEndsMultishotsButLosesNothing) {
  start(8, SimulatedRingOptions{.submission_capacity = 8, .completion_capacity = 2});
  ring->accept_multishot(listener, tag(Op::accept, 0));
  for (int index = 0; index < 4; ++index) world.connect(listener, nullptr, 1);
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 3u);
  EXPECT_TRUE(completions[1].more());
  EXPECT_FALSE(completions[2].more()) << "the third socket, and the end of the accept";
  EXPECT_EQ(ring->statistics().overflows, 1u);
  ring->accept_multishot(listener, tag(Op::accept, 0));
  EXPECT_EQ(wait().size(), 1u);
  expect_no_violations();
}

TEST_F(SimulatedRingTest, QueueingBeyondTheSubmissionCapacitySubmits) {
  start(4, SimulatedRingOptions{.submission_capacity = 1});
  accepted();
  ring->send(0, bytes_of("a"), tag(Op::send, 0));
  ring->arm_writable(0, tag(Op::writable, 0));
  EXPECT_EQ(reap().size(), 1u) << "the send went out to make room for the poll";
}

TEST_F(SimulatedRingTest, ThePeerAddressComesByQueryOrWithAOneShotAccept) {
  start(4);
  world.connect(listener, nullptr, 0x0a000102);
  SocketAddress address;
  ring->accept_once(listener, &address, tag(Op::accept, 0));
  std::vector<Completion> completions = wait();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_FALSE(completions[0].more());
  EXPECT_EQ(address.length, 16u);
  EXPECT_EQ(address.bytes[4], std::byte{0x0a});
  SocketAddress asked{.length = 16};
  ring->peer_address(0, &asked, tag(Op::peer_address, 0));
  EXPECT_EQ(submit().at(0).result, 16);
  EXPECT_TRUE(std::ranges::equal(asked.bytes, address.bytes));
  asked.length = 28;
  ring->peer_address(0, &asked, tag(Op::peer_address, 0));
  EXPECT_EQ(submit().at(0).result, -EINVAL);
}

TEST_F(SimulatedRingTest, OneRingWakesAnotherAndHearsOnlyOfFailure) {
  start(4);
  SimulatedRing other(&world, {});
  ASSERT_TRUE(other.start().ok());
  ring->wake(other.descriptor(), tag(Op::wake, 7), tag(Op::wake, 9));
  EXPECT_TRUE(submit().empty());
  Completion completion;
  other.submit_and_wait(Wait{.timeout_ns = kMillisecond});
  ASSERT_EQ(other.reap(std::span(&completion, 1)), 1u);
  EXPECT_EQ(completion.tag(), tag(Op::wake, 7));
  ring->wake(12345, tag(Op::wake, 7), tag(Op::wake, 9));
  std::vector<Completion> completions = submit();
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].tag(), tag(Op::wake, 9));
  EXPECT_LT(completions[0].result, 0);
}

TEST_F(SimulatedRingTest, AWatchedEventReportsEverySignalAndOneThatCameBefore) {
  start(4);
  int event = world.add_event();
  ring->watch(event, tag(Op::wake, 1));
  EXPECT_TRUE(wait().empty());
  world.signal_event(event);
  ASSERT_EQ(wait().size(), 1u);
  EXPECT_TRUE(wait().empty()) << "an edge, not a level";
  world.signal_event(event);
  EXPECT_EQ(wait().size(), 1u);
  ring->watch(event, tag(Op::wake, 2));
  EXPECT_EQ(wait().size(), 1u);
}

TEST_F(SimulatedRingTest, WaitingMovesTheClockToTheNextEventOrToTheTimeout) {
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  wait();
  world.schedule(5 * kMillisecond, [client] { client->client_send(bytes_of("later")); });
  std::uint64_t before_ns = world.now_ns();
  EXPECT_EQ(wait(50 * kMillisecond).size(), 1u);
  EXPECT_GE(world.now_ns(), before_ns + 5 * kMillisecond);
  EXPECT_LT(world.now_ns(), before_ns + 6 * kMillisecond);
  before_ns = world.now_ns();
  EXPECT_TRUE(wait(50 * kMillisecond).empty());
  EXPECT_GE(world.now_ns(), before_ns + 50 * kMillisecond);
}

TEST_F(SimulatedRingTest, AVanishedPeerNeverAnswersAndTimesOutWhenAskedTo) {
  world.set_user_timeout_ns(3'000 * kMillisecond);
  start(4);
  SimulatedConnection* client = accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  wait();
  client->client_vanish();
  EXPECT_EQ(client->client_send(bytes_of("lost")), 4u);
  EXPECT_TRUE(wait(60'000 * kMillisecond).empty());
  ring->send(0, bytes_of("anybody?"), tag(Op::send, 0));
  ASSERT_EQ(wait(60'000 * kMillisecond).size(), 1u) << "the send's own result ends the wait";
  std::vector<Completion> completions = wait(60'000 * kMillisecond);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_NE(completions[0].result & 8, 0) << "POLLERR";
  ring->receive(0, buffer, tag(Op::receive, 0));
  EXPECT_EQ(submit().at(0).result, -ETIMEDOUT);
}

// ---- Violations of the contract.

TEST_F(SimulatedRingTest, NoticesASecondSendWhileOneIsInFlight) {
  start(4);
  accepted();
  ring->send(0, bytes_of("a"), tag(Op::send, 0));
  ring->submit();
  ring->send(0, bytes_of("b"), tag(Op::send, 0));
  EXPECT_EQ(world.violations().size(), 1u) << "in flight until reaped";
}

TEST_F(SimulatedRingTest, NoticesASecondReceiveAndReceivesThatShareMemory) {
  start(4);
  accepted();
  accepted();
  ring->receive(0, std::span(buffer, 32), tag(Op::receive, 0));
  ring->receive(1, std::span(buffer + 16, 32), tag(Op::receive, 1));
  EXPECT_EQ(world.violations().size(), 1u);
  ring->receive(0, std::span(buffer + 48, 16), tag(Op::receive, 0));
  EXPECT_EQ(world.violations().size(), 2u);
}

TEST_F(SimulatedRingTest, NoticesASourceThatChangedBetweenQueueingAndSubmit) {
  start(4);
  accepted();
  ring->send(0, std::span(buffer, 8), tag(Op::send, 0));
  buffer[3] = std::byte{1};
  submit();
  EXPECT_EQ(world.violations().size(), 1u);
}

TEST_F(SimulatedRingTest, NoticesOperationsOnEmptySlotsAndASecondClose) {
  start(4);
  accepted();
  ring->close(0, tag(Op::close, 0));
  submit();
  expect_no_violations();
  ring->close(0, tag(Op::close, 0));
  EXPECT_EQ(submit().at(0).result, -EBADF);
  EXPECT_EQ(world.violations().size(), 1u);
  ring->receive(3, buffer, tag(Op::receive, 3));
  EXPECT_EQ(submit().at(0).result, -EBADF);
  EXPECT_EQ(world.violations().size(), 2u);
}

TEST_F(SimulatedRingTest, NoticesTwoTenantsWithOneGeneration) {
  start(1);
  accepted();
  ring->arm_writable(0, tag(Op::writable, 0, 5));
  wait();
  ring->close(0, tag(Op::close, 0, 5));
  submit();
  accepted();
  expect_no_violations();
  ring->send(0, bytes_of("a"), tag(Op::send, 0, 5));
  EXPECT_EQ(world.violations().size(), 1u);
}

TEST_F(SimulatedRingTest, NoticesAnOperationOfAnotherGenerationThanTheTenants) {
  start(1);
  accepted();
  ring->arm_writable(0, tag(Op::writable, 0, 5));
  ring->send(0, bytes_of("a"), tag(Op::send, 0, 6));
  EXPECT_EQ(world.violations().size(), 1u);
}

TEST_F(SimulatedRingTest, NoticesAPollArmedTwiceAndACancelOfNothing) {
  start(1);
  accepted();
  ring->arm_readable(0, tag(Op::readable, 0));
  ring->arm_readable(0, tag(Op::readable, 0));
  submit();
  EXPECT_EQ(world.violations().size(), 1u);
  ring->cancel(tag(Op::writable, 0), tag(Op::cancel, 0));
  EXPECT_EQ(submit().at(0).result, -ENOENT);
  EXPECT_EQ(world.violations().size(), 2u);
}

// A caller may reap more while it looks at what it has reaped, and not know of all of it yet.
TEST_F(SimulatedRingTest, UntilItWaitsACallerMayCancelWhatItHasReaped) {
  start(1);
  accepted();
  ring->arm_writable(0, tag(Op::writable, 0));
  ASSERT_EQ(wait().size(), 1u);
  std::array<Completion, 4> more;
  EXPECT_EQ(ring->reap(more), 0u);
  ring->cancel(tag(Op::writable, 0), tag(Op::cancel, 0));
  EXPECT_EQ(submit().at(0).result, -ENOENT);
  expect_no_violations();
  wait();
  ring->cancel(tag(Op::writable, 0), tag(Op::cancel, 0));
  submit();
  EXPECT_EQ(world.violations().size(), 1u);
}

TEST_F(SimulatedRingTest, NoticesOperationsBeforeStart) {
  ring.emplace(&world, SimulatedRingOptions{});
  listener = world.listen(1);
  ring->accept_multishot(listener, tag(Op::accept, 0));
  EXPECT_EQ(world.violations().size(), 1u);
}

}  // namespace
}  // namespace holdfast::ring
