// How KernelRing hands operations over, waits and reaps: full queues, overflow, refusals by the kernel,
// batches. Where the kernel cannot be made to refuse, a scripted io_uring_enter stands in its place; it also
// records what was asked.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <thread>

#include "loopback.h"
#include "ring/kernel_abi.h"

namespace holdfast::ring {
namespace {

struct EnterRecord {
  unsigned submit;
  unsigned minimum;
  unsigned flags;
  std::uint32_t minimum_wait_us;
  __kernel_timespec timeout;
};
std::vector<EnterRecord> records;
std::deque<int> refusals;            // results of the next submissions instead of the kernel's
unsigned most_at_once = UINT32_MAX;  // a kernel that takes only so many operations at once

int scripted_enter(unsigned descriptor, unsigned submit, unsigned minimum, unsigned flags, void* argument,
                   std::size_t argument_bytes) {
  EnterRecord record{submit, minimum, flags, 0, {}};
  if ((flags & IORING_ENTER_EXT_ARG) != 0) {
    const auto* wait = static_cast<const GetEventsArgument*>(argument);
    record.minimum_wait_us = wait->minimum_wait_us;
    std::memcpy(&record.timeout, reinterpret_cast<const void*>(wait->timeout), sizeof record.timeout);
  }
  records.push_back(record);
  if (submit > 0 && !refusals.empty()) {
    const int error = refusals.front();
    refusals.pop_front();
    return error;
  }
  if (submit > most_at_once) {
    // Like the kernel, which does not come to the waiting when it has not taken everything.
    return io_uring_enter2(descriptor, most_at_once, 0, flags & IORING_ENTER_REGISTERED_RING, nullptr, 0);
  }
  return io_uring_enter2(descriptor, submit, minimum, flags, static_cast<sigset_t*>(argument),
                         argument_bytes);
}

class KernelRingEnter : public testing::Test {
 protected:
  void SetUp() override {
    records.clear();
    refusals.clear();
    most_at_once = UINT32_MAX;
  }
  static KernelRingOptions options(std::uint32_t submission_entries = 8) {
    KernelRingOptions options;
    options.submission_entries = submission_entries;
    options.enter = scripted_enter;
    return options;
  }
  // Queues sends of one byte each, numbered by the tag's slot: '0', '1', ... and on past 'z'.
  static void queue_sends(Reaper& ring, memory::Index slot, std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      ring->send(slot, bytes_of(bytes.substr(at, 1)), {Op::send, 0, static_cast<memory::Index>(at)});
    }
  }
  static std::string numbered_bytes(std::size_t count) {
    std::string bytes(count, ' ');
    for (std::size_t at = 0; at < count; ++at) bytes[at] = static_cast<char>('0' + at % 64);
    return bytes;
  }
  // Every send of `bytes` completed once, in order, and the client has the bytes in order.
  static void expect_sent_in_order(Reaper& ring, const Descriptor& client, std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const Completion sent = ring.next(Op::send);
      ASSERT_EQ(sent.tag().slot, at);
      ASSERT_EQ(sent.result, 1);
    }
    EXPECT_EQ(ring.kept(), 0u);
    EXPECT_EQ(read_up_to(client, bytes.size()), bytes);
  }
};

TEST_F(KernelRingEnter, SubmitsByItselfWhenMoreIsQueuedThanTheQueueHolds) {
  const Listener listener;
  Reaper ring(options(8));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  EXPECT_EQ(ring->submission_capacity(), 8u);
  const std::string bytes = numbered_bytes(100);
  queue_sends(ring, slot, bytes);
  ring->submit();
  expect_sent_in_order(ring, client, bytes);
}

TEST_F(KernelRingEnter, KeepsEverythingInOrderWhileTheKernelHasNoMemory) {
  const Listener listener;
  Reaper ring(options(8));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  const std::string bytes = numbered_bytes(300);
  refusals.assign(400, -EAGAIN);
  queue_sends(ring, slot, bytes);
  ring->submit();
  EXPECT_TRUE(ring.reaped().empty());
  EXPECT_GT(ring->statistics().busy, 0u);
  refusals.clear();
  ring->submit();
  expect_sent_in_order(ring, client, bytes);
}

TEST_F(KernelRingEnter, HandsOverWhatWasSpilledBeforeItSleeps) {
  const Listener listener;
  Reaper ring(options(8));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  const std::string bytes = numbered_bytes(50);
  refusals.assign(100, -ENOMEM);
  queue_sends(ring, slot, bytes);
  refusals.clear();
  ring->submit_and_wait({.events = 1, .timeout_ns = 1});
  EXPECT_EQ(ring->statistics().submitted, 1 + bytes.size());  // with the accept
  expect_sent_in_order(ring, client, bytes);
}

TEST_F(KernelRingEnter, WorksOutWhatIsDueAndSleepsBrieflyWhileTheKernelRefuses) {
  const Listener listener;
  Reaper ring(options(8));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->arm_readable(slot, {Op::readable, 0, slot});
  ring->submit();
  write_all(client, "x");
  queue_sends(ring, slot, "0");
  refusals.assign(2, -EAGAIN);
  records.clear();
  ring->submit_and_wait({.events = 1, .timeout_ns = 60'000'000'000});
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back().submit, 0u);
  EXPECT_EQ(records.back().timeout.tv_sec, 0);
  const std::vector<Completion> due = ring.reaped();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].tag().op, Op::readable);
  EXPECT_EQ(ring.next(Op::send).result, 1);
}

TEST_F(KernelRingEnter, FlushesOverflownCompletionsWhenTheKernelIsBusyAndTriesAgain) {
  const Listener listener;
  Reaper ring(options(8));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  queue_sends(ring, slot, "01");
  refusals.push_back(-EBUSY);
  records.clear();
  ring->submit();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[1].submit, 0u);
  EXPECT_NE(records[1].flags & IORING_ENTER_GETEVENTS, 0u);
  EXPECT_EQ(records[2].submit, 2u);
  EXPECT_EQ(ring->statistics().busy, 1u);
  expect_sent_in_order(ring, client, "01");

  // Busy twice: the operations wait for the next submit.
  queue_sends(ring, slot, "01");
  refusals.assign(2, -EBUSY);
  ring->submit();
  EXPECT_TRUE(ring.reaped().empty());
  ring->submit();
  expect_sent_in_order(ring, client, "01");
}

TEST_F(KernelRingEnter, GoesOnAfterAnInterruptedOrPartialSubmission) {
  const Listener listener;
  Reaper ring(options(16));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  const std::string bytes = numbered_bytes(16);
  refusals.push_back(-EINTR);
  most_at_once = 5;
  queue_sends(ring, slot, bytes);
  ring->submit();
  EXPECT_EQ(ring->statistics().submitted, 17u);  // with the accept
  expect_sent_in_order(ring, client, bytes);

  queue_sends(ring, slot, bytes);
  ring->submit_and_wait({.events = 1, .timeout_ns = 60'000'000'000});
  expect_sent_in_order(ring, client, bytes);
}

TEST_F(KernelRingEnter, OneBadOperationDoesNotHoldUpThoseBehindIt) {
  const Listener listener;
  for (const bool withheld : {false, true}) {
    KernelRingOptions altered = options(8);
    altered.withheld.submit_all = withheld;
    Reaper ring(altered);
    const Descriptor client = listener.connected();
    const memory::Index slot = ring.accept(listener);
    SocketAddress address;
    address.length = 16;
    ring->close(slot + 1, {Op::close, 0, 0});  // an empty slot
    ring->accept_once(9999, &address, {Op::accept, 0, 0});
    ring->send(slot, bytes_of("ok"), {Op::send, 0, 0});
    ring->submit();
    EXPECT_EQ(ring.next(Op::send).result, 2);
    EXPECT_EQ(ring.next(Op::accept).result, -EBADF);
    EXPECT_EQ(ring.next(Op::close).result, -EBADF);
  }
}

// The completion queue holds 64; 3 x 64 receives complete before the first reap.
TEST_F(KernelRingEnter, LosesNoInlineCompletionWhenTheCompletionQueueOverflows) {
  const Listener listener;
  KernelRingOptions small = options(64);
  small.completion_entries = 64;
  Reaper ring(small);
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  const std::string bytes = numbered_bytes(192);
  write_all(client, bytes);
  ring->arm_readable(slot, {Op::readable, 0, slot});
  ring.next(Op::readable);
  std::array<std::byte, 192> into{};
  for (memory::Index at = 0; at < 192; ++at) {
    ring->receive(slot, std::span(into).subspan(at, 1), {Op::receive, 0, at});
    if (at % 64 == 63) ring->submit();
  }
  // Arbitrary pieces: the flush goes on inside one reap and from one reap to the next.
  std::vector<Completion> all;
  std::array<Completion, 50> some;
  while (const std::size_t count = ring->reap(some))
    all.insert(all.end(), some.begin(), some.begin() + count);
  ASSERT_EQ(all.size(), 192u);
  for (memory::Index at = 0; at < 192; ++at) {
    EXPECT_EQ(all[at].tag().slot, at);
    EXPECT_EQ(all[at].result, 1);
  }
  EXPECT_EQ(std::memcmp(into.data(), bytes.data(), bytes.size()), 0);
  EXPECT_GT(ring->statistics().overflows, 0u);
  EXPECT_EQ(ring->statistics().lost, 0u);
}

// 48 armed connections become readable at once on a ring that holds 8 completions: nobody goes deaf. Each is
// either still armed or its last completion says that it is not, and then arming it again yields the input
// that is still there.
TEST_F(KernelRingEnter, NoArmedConnectionGoesDeafWhenTheCompletionQueueOverflows) {
  constexpr memory::Index kConnections = 48;
  const Listener listener;
  KernelRingOptions small = options(8);
  small.completion_entries = 8;
  Reaper ring(small);
  std::vector<Descriptor> clients;
  std::map<memory::Index, int> readable;
  for (memory::Index count = 0; count < kConnections; ++count) {
    clients.push_back(listener.connected());
    const memory::Index slot = ring.accept(listener);
    ring->arm_readable(slot, {Op::readable, 0, slot});
  }
  ring->submit();
  int ended = 0;
  for (int round = 1; round <= 3; ++round) {
    for (const Descriptor& client : clients) write_all(client, "x");
    const auto heard = [&] {
      return std::all_of(
          clients.begin(), clients.end(),
          [&, at = memory::Index{0}](const Descriptor&) mutable { return readable[at++] >= round; });
    };
    while (!heard()) {
      const Completion completion = ring.next(Op::readable);
      ASSERT_GT(completion.result, 0);
      const memory::Index slot = completion.tag().slot;
      ++readable[slot];
      std::byte into{};
      ring->receive(slot, {&into, 1}, {Op::receive, 0, slot});
      ring->submit();
      ring.next(Op::receive);
      if (completion.more()) continue;
      ++ended;
      ring->arm_readable(slot, {Op::readable, 0, slot});
    }
  }
  EXPECT_GT(ended, 0) << "this kernel kept every poll armed: the test saw no overflow of an armed operation";
  EXPECT_GT(ring->statistics().overflows, 0u);
}

TEST_F(KernelRingEnter, AsksForTheEventsOnTopOfTheInlineCompletionsOfTheSameCall) {
  const Listener listener;
  Reaper ring(options(16));
  if (!ring->features().minimum_wait) GTEST_SKIP() << ring->describe();
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  queue_sends(ring, slot, "012");
  ring->arm_readable(slot, {Op::readable, 0, slot});
  records.clear();
  ring->submit_and_wait({.events = 5, .batch_wait_ns = 1'500, .timeout_ns = 2'000'000});
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].submit, 4u);
  EXPECT_EQ(records[0].minimum, 8u);
  EXPECT_EQ(records[0].minimum_wait_us, 2u);
  EXPECT_EQ(records[0].timeout.tv_nsec, 2'000'000);
  EXPECT_EQ(ring.reaped().size(), 3u);

  // Those of an earlier submit are there already and do not count.
  queue_sends(ring, slot, "0");
  ring->submit();
  records.clear();
  ring->submit_and_wait({.events = 2, .batch_wait_ns = 1'000, .timeout_ns = 1'000'000});
  EXPECT_EQ(records[0].minimum, 2u);
}

TEST_F(KernelRingEnter, NeverAsksForMoreThanTheCompletionQueueHolds) {
  KernelRingOptions small = options(8);
  small.completion_entries = 16;
  Reaper ring(small);
  ring->submit_and_wait({.events = 1'000, .batch_wait_ns = 1'000, .timeout_ns = 1'000});
  EXPECT_EQ(records.back().minimum, ring->features().minimum_wait ? 16u : 1u);
}

TEST_F(KernelRingEnter, WhereTheKernelCannotWaitForABatchOneEventIsEnough) {
  KernelRingOptions withheld = options(8);
  withheld.withheld.minimum_wait = true;
  Reaper ring(withheld);
  ring->submit_and_wait({.events = 64, .batch_wait_ns = 50'000, .timeout_ns = 1'000});
  EXPECT_EQ(records.back().minimum, 1u);
  EXPECT_EQ(records.back().minimum_wait_us, 0u);
}

// The result of a send may have to be acted upon, so nothing but a bounded batch wait may keep it back.
TEST_F(KernelRingEnter, WithoutABatchWaitSleepsOnlyWhenNoInlineOperationGoesAlong) {
  Reaper ring(options(8));
  ring->submit_and_wait({.events = 3, .timeout_ns = 1'000});
  EXPECT_EQ(records.back().minimum, 3u);
  EXPECT_EQ(records.back().minimum_wait_us, 0u);
  ring->cancel({Op::readable, 0, 0}, {Op::cancel, 0, 0});
  ring->submit_and_wait({.events = 1, .timeout_ns = 60'000'000'000});
  EXPECT_EQ(records.back().submit, 1u);
  EXPECT_EQ(records.back().minimum, 0u);
  EXPECT_EQ(ring.reaped().size(), 1u);
}

TEST_F(KernelRingEnter, WithATimeoutOfZeroWorksOutWhatIsDueWithoutSleeping) {
  const Listener listener;
  Reaper ring(options(8));
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->arm_readable(slot, {Op::readable, 0, slot});
  ring->submit();
  write_all(client, "x");
  records.clear();
  std::vector<Completion> due;
  for (int tries = 0; due.empty() && tries < 1'000'000; ++tries) {
    ring->submit_and_wait({.events = 4, .batch_wait_ns = 1'000'000'000, .timeout_ns = 0});
    due = ring.reaped();
  }
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].tag().op, Op::readable);
  for (const EnterRecord& record : records) EXPECT_EQ(record.minimum, 0u);
}

// The kernel works out 20 in a call that waits for none, and says nothing of the others.
TEST_F(KernelRingEnter, WithATimeoutOfZeroWorksOutAsManyAsAreAskedFor) {
  constexpr memory::Index kDue = 60;
  const Listener listener;
  Reaper ring;
  std::vector<Descriptor> clients;
  for (memory::Index count = 0; count < kDue; ++count) {
    clients.push_back(listener.connected());
    const memory::Index slot = ring.accept(listener);
    ring->arm_readable(slot, {Op::readable, 0, slot});
  }
  ring->submit();
  for (const Descriptor& client : clients) write_all(client, "x");
  for (const Descriptor& client : clients) expect_arrived(client);
  ring->submit_and_wait({.events = 2 * kDue, .timeout_ns = 0});
  EXPECT_EQ(ring.reaped().size(), kDue);
}

// A second thread makes the connections readable one by one, so a wait that ended at the first would hand
// over fewer.
TEST_F(KernelRingEnter, ReturnsWhenAsManyEventsAreThereAsAskedFor) {
  constexpr memory::Index kEvents = 30;
  const Listener listener;
  Reaper ring;
  if (!ring->features().minimum_wait) GTEST_SKIP() << ring->describe();
  std::vector<Descriptor> clients;
  for (memory::Index count = 0; count < kEvents; ++count) {
    clients.push_back(listener.connected());
    const memory::Index slot = ring.accept(listener);
    ring->arm_readable(slot, {Op::readable, 0, slot});
  }
  ring->submit();
  std::thread writer([&clients] {
    for (const Descriptor& client : clients) write_all(client, "x");
  });
  constexpr std::uint64_t kLong = std::uint64_t{kPatienceMs} * 1'000'000;
  ring->submit_and_wait({.events = kEvents, .batch_wait_ns = kLong, .timeout_ns = 2 * kLong});
  EXPECT_EQ(ring.reaped().size(), kEvents);
  writer.join();
}

TEST_F(KernelRingEnter, ReturnsWithOneEventAfterTheBatchWaitAndWithNoneAfterTheTimeout) {
  const Listener listener;
  Reaper ring;
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->arm_readable(slot, {Op::readable, 0, slot});
  ring->submit();
  ring->submit_and_wait({.events = 1, .timeout_ns = 1'000});
  EXPECT_TRUE(ring.reaped().empty());
  write_all(client, "x");
  constexpr std::uint64_t kLong = std::uint64_t{kPatienceMs} * 1'000'000;
  const auto before = std::chrono::steady_clock::now();
  ring->submit_and_wait({.events = 64, .batch_wait_ns = 1'000, .timeout_ns = kLong});
  EXPECT_EQ(ring.reaped().size(), 1u);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(kPatienceMs));
}

// Every way an older kernel may be set up serves a connection from accept to close.
TEST_F(KernelRingEnter, WorksWithAnySetOfFeaturesAndNamesThem) {
  using Flag = bool Withheld::*;
  const std::pair<const char*, Flag> flags[] = {
      {"single_issuer", &Withheld::single_issuer}, {"defer_taskrun", &Withheld::defer_taskrun},
      {"submit_all", &Withheld::submit_all},       {"min_wait", &Withheld::minimum_wait},
      {"no_iowait", &Withheld::no_iowait},         {"registered_ring", &Withheld::registered_ring},
      {"peer_address", &Withheld::socket_options}, {"reset_on_close", &Withheld::socket_options}};
  for (const auto& [name, flag] : flags) {
    const Listener listener;
    KernelRingOptions altered;
    altered.withheld.*flag = true;
    Reaper ring(altered);
    const std::string line = ring->describe();
    EXPECT_EQ(line.find("io_uring on Linux "), 0u) << line;
    const std::size_t without = line.find("; without:");
    ASSERT_NE(without, std::string::npos) << line;
    EXPECT_NE(line.find(std::string(" ") + name, without), std::string::npos) << line;

    const Descriptor client = listener.connected();
    const memory::Index slot = ring.accept(listener);
    const Tag readable{Op::readable, 1, slot};
    ring->arm_readable(slot, readable);
    write_all(client, "ping");
    ring.next(Op::readable);
    std::array<std::byte, 8> into{};
    ring->receive(slot, into, {Op::receive, 1, slot});
    ASSERT_EQ(ring.result_of(Op::receive), 4) << name;
    ring->send(slot, std::span(into).first(4), {Op::send, 1, slot});
    EXPECT_EQ(ring.result_of(Op::send), 4) << name;
    EXPECT_EQ(read_up_to(client, 4), "ping") << name;
    ring->cancel(readable, {Op::cancel, 1, slot});
    EXPECT_EQ(ring.result_of(Op::cancel), 0) << name;
    EXPECT_EQ(ring.next(Op::readable).result, -ECANCELED) << name;
    ring->close(slot, {Op::close, 1, slot});
    EXPECT_EQ(ring.result_of(Op::close), 0) << name;
    EXPECT_TRUE(ends(client)) << name;
  }
}

TEST_F(KernelRingEnter, AThreadMayOwnMoreRingsThanItCanRegister) {
  std::vector<std::unique_ptr<Reaper>> rings;
  for (int count = 0; count < 20; ++count) rings.push_back(std::make_unique<Reaper>(options(8)));
  for (auto& ring : rings) {
    (*ring)->cancel({Op::readable, 0, 0}, {Op::cancel, 0, 0});
    EXPECT_EQ(ring->result_of(Op::cancel), -ENOENT);
  }
}

TEST_F(KernelRingEnter, DiesWhenAnotherThreadSubmits) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto submit_elsewhere = [] {
    Reaper ring;
    if (!ring->features().single_issuer) std::abort();
    ring->cancel({Op::readable, 0, 0}, {Op::cancel, 0, 0});
    std::thread([&ring] { ring->submit(); }).join();
  };
  EXPECT_DEATH(submit_elsewhere(), "");
}

}  // namespace
}  // namespace holdfast::ring
