// KernelRing against the running kernel, over loopback: each operation does what ring/ring.h says.
// Submission, waiting and overflow are in kernel_ring_enter_test.cc.
#include "ring/kernel_ring.h"

#include <sys/eventfd.h>

#include <array>
#include <thread>

#include "loopback.h"

namespace holdfast::ring {
namespace {

constexpr Tag kAccept{Op::accept, 0, 0};
constexpr Tag kReceive{Op::receive, 0, 0};
constexpr Tag kSend{Op::send, 0, 0};
constexpr Tag kCancel{Op::cancel, 0, 0};
constexpr Tag kClose{Op::close, 0, 0};
constexpr Tag kReadable{Op::readable, 7, 0};

TEST(KernelRing, AcceptsIntoTheLowestFreeSlotsAndStaysArmed) {
  const Listener listener;
  Reaper ring;
  ring->accept_multishot(listener.get(), kAccept);
  ring->submit();
  std::vector<Descriptor> clients;
  for (int expected = 0; expected < 3; ++expected) {
    clients.push_back(listener.connected());
    const Completion accepted = ring.next(Op::accept);
    EXPECT_EQ(accepted.result, expected);
    EXPECT_TRUE(accepted.more());
    EXPECT_EQ(accepted.tag(), kAccept);
  }
}

TEST(KernelRing, EndsAMultishotAcceptWhenTheTableIsFullAndAcceptsAgainWhenASlotIsFree) {
  const Listener listener;
  Reaper ring({}, 2);
  ring->accept_multishot(listener.get(), kAccept);
  const Descriptor first = listener.connected();
  const Descriptor second = listener.connected();
  EXPECT_EQ(ring.next(Op::accept).result, 0);
  EXPECT_EQ(ring.next(Op::accept).result, 1);
  const Descriptor surplus = listener.connected();
  const Completion full = ring.next(Op::accept);
  EXPECT_EQ(full.result, -ENFILE);
  EXPECT_FALSE(full.more());
  EXPECT_TRUE(ends(surplus));

  ring->close(0, kClose);
  EXPECT_EQ(ring.result_of(Op::close), 0);
  EXPECT_TRUE(ends(first));
  ring->accept_multishot(listener.get(), kAccept);
  const Descriptor next = listener.connected();
  EXPECT_EQ(ring.next(Op::accept).result, 0);
}

class KernelRingAddress : public testing::TestWithParam<int> {};

TEST_P(KernelRingAddress, IsGivenByAcceptOnce) {
  const Listener listener(GetParam());
  if (!listener.usable()) GTEST_SKIP() << "this address family is switched off";
  Reaper ring;
  SocketAddress address;
  ring->accept_once(listener.get(), &address, kAccept);
  const Descriptor client = listener.connected();
  const Completion accepted = ring.next(Op::accept);
  EXPECT_EQ(accepted.result, 0);
  EXPECT_FALSE(accepted.more());
  const Loopback expected = Loopback::bound_to(client.get());
  ASSERT_EQ(address.length, expected.length);
  EXPECT_EQ(std::memcmp(address.bytes, &expected.storage, address.length), 0);
}

TEST_P(KernelRingAddress, IsGivenByPeerAddress) {
  const Listener listener(GetParam());
  if (!listener.usable()) GTEST_SKIP() << "this address family is switched off";
  Reaper ring;
  if (!ring->has_peer_address()) GTEST_SKIP() << ring->describe();
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  const Loopback expected = Loopback::bound_to(client.get());
  SocketAddress address;
  address.length = GetParam() == AF_INET ? 16 : 28;
  ASSERT_EQ(address.length, expected.length);
  ring->peer_address(slot, &address, {Op::peer_address, 0, slot});
  const std::vector<Completion> done = ring.submitted();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_GE(done[0].result, 0);
  EXPECT_EQ(std::memcmp(address.bytes, &expected.storage, address.length), 0);
}

INSTANTIATE_TEST_SUITE_P(Families, KernelRingAddress, testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) { return family.param == AF_INET ? "Inet" : "Inet6"; });

TEST(KernelRing, ReceivesWhatIsThereAndNeverWaitsForMore) {
  const Listener listener;
  Reaper ring;
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  std::array<std::byte, 16> into{};

  ring->receive(slot, into, kReceive);
  std::vector<Completion> done = ring.submitted();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].result, -EAGAIN);

  ring->arm_readable(slot, kReadable);
  write_all(client, "hello");
  EXPECT_NE(ring.next(Op::readable).result & POLLIN, 0);
  ring->receive(slot, into, kReceive);
  done = ring.submitted();
  ASSERT_EQ(done.size(), 1u);
  ASSERT_EQ(done[0].result, 5);
  EXPECT_EQ(std::memcmp(into.data(), "hello", 5), 0);
}

TEST(KernelRing, SendsWhatFitsThenSaysAgainAndTellsWhenThereIsRoom) {
  const Listener listener;
  Reaper ring;
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  const std::string large(64u << 20, 'x');

  ring->send(slot, bytes_of(large), kSend);
  const std::int32_t sent = ring.result_of(Op::send);
  ASSERT_GT(sent, 0);
  ASSERT_LT(static_cast<std::size_t>(sent), large.size());
  // The peer's buffer may have taken some more in the meantime: fill it up.
  std::size_t total = static_cast<std::size_t>(sent);
  std::int32_t last = 0;
  do {
    ring->send(slot, bytes_of(large), kSend);
    last = ring.result_of(Op::send);
    if (last > 0) total += static_cast<std::size_t>(last);
  } while (last > 0);
  EXPECT_EQ(last, -EAGAIN);

  ring->arm_writable(slot, {Op::writable, 0, slot});
  ring->submit();
  EXPECT_EQ(read_up_to(client, total).size(), total);
  const Completion writable = ring.next(Op::writable);
  EXPECT_NE(writable.result & POLLOUT, 0);
  EXPECT_FALSE(writable.more());
}

TEST(KernelRing, SendingToAVanishedPeerFailsWithoutASignal) {
  const Listener listener;
  Reaper ring;
  Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->arm_readable(slot, kReadable);
  ring->submit();
  reset_instead_of_closing(client);
  client.reset();
  ring.next(Op::readable);
  ring->send(slot, bytes_of("late"), kSend);
  EXPECT_EQ(ring.result_of(Op::send), -ECONNRESET);
  ring->send(slot, bytes_of("later"), kSend);
  EXPECT_EQ(ring.result_of(Op::send), -EPIPE);
}

// Rule R4: a readable poll outlives the peer, is ended by cancel alone, and only then does close free the
// socket.
class KernelRingTeardown : public testing::TestWithParam<bool> {};

TEST_P(KernelRingTeardown, KeepsThePollArmedAfterThePeerLeftUntilItIsCancelled) {
  const bool reset = GetParam();
  const Listener listener;
  Reaper ring;
  Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->arm_readable(slot, kReadable);
  ring->submit();
  if (reset) {
    reset_instead_of_closing(client);
    client.reset();
  } else {
    EXPECT_EQ(shutdown(client.get(), SHUT_WR), 0);
  }
  const Completion left = ring.next(Op::readable);
  EXPECT_NE(left.result & POLLRDHUP, 0);
  EXPECT_TRUE(left.more());
  std::array<std::byte, 4> into{};
  ring->receive(slot, into, kReceive);
  EXPECT_EQ(ring.result_of(Op::receive), reset ? -ECONNRESET : 0);

  ring->cancel(kReadable, kCancel);
  EXPECT_EQ(ring.result_of(Op::cancel), 0);
  Completion last = ring.next(Op::readable);
  while (last.more()) last = ring.next(Op::readable);
  EXPECT_EQ(last.result, -ECANCELED);

  ring->close(slot, kClose);
  EXPECT_EQ(ring.result_of(Op::close), 0);
  if (!reset) {
    EXPECT_TRUE(ends(client));
  }
  ring->close(slot, kClose);
  EXPECT_EQ(ring.result_of(Op::close), -EBADF);  // the slot is empty
}

INSTANTIATE_TEST_SUITE_P(Ways, KernelRingTeardown, testing::Bool(),
                         [](const auto& reset) { return reset.param ? "Reset" : "EndOfInput"; });

TEST(KernelRing, CancellingWhatIsNotArmedFindsNothing) {
  Reaper ring;
  ring->cancel(kReadable, kCancel);
  EXPECT_EQ(ring.result_of(Op::cancel), -ENOENT);
}

TEST(KernelRing, CancelsTheArmedAcceptOfItsListenerOnly) {
  const Listener listener;
  const Listener other;
  Reaper ring;
  ring->accept_multishot(listener.get(), {Op::accept, 0, 1});
  ring->accept_multishot(other.get(), {Op::accept, 0, 2});
  ring->submit();
  ring->cancel({Op::accept, 0, 1}, kCancel);
  EXPECT_EQ(ring.result_of(Op::cancel), 0);
  const Completion ended = ring.next(Op::accept);
  EXPECT_EQ(ended.tag().slot, 1u);
  EXPECT_EQ(ended.result, -ECANCELED);
  const Descriptor client = other.connected();
  EXPECT_EQ(ring.next(Op::accept).tag().slot, 2u);
}

TEST(KernelRing, TellsTheTenantsOfAReusedSlotApartByGeneration) {
  const Listener listener;
  Reaper ring({}, 1);
  for (std::uint32_t generation = 1; generation <= 4; ++generation) {
    const Descriptor client = listener.connected();
    const memory::Index slot = ring.accept(listener);
    ASSERT_EQ(slot, 0u);
    const Tag tag{Op::readable, generation, slot};
    ring->arm_readable(slot, tag);
    write_all(client, "x");
    const Completion readable = ring.next(Op::readable);
    EXPECT_EQ(readable.tag(), tag);
    // The earlier tenant's tag names nothing any more, so cancelling it does no harm to this one.
    ring->cancel({Op::readable, generation - 1, slot}, kCancel);
    EXPECT_EQ(ring.result_of(Op::cancel), -ENOENT);
    ring->cancel(tag, kCancel);
    EXPECT_EQ(ring.result_of(Op::cancel), 0);
    EXPECT_EQ(ring.next(Op::readable).result, -ECANCELED);
    ring->close(slot, {Op::close, generation, slot});
    EXPECT_EQ(ring.result_of(Op::close), 0);
    EXPECT_TRUE(ends(client));
  }
  EXPECT_EQ(ring.kept(), 0u);
}

TEST(KernelRing, ClosesWithAResetWhenAskedTo) {
  const Listener listener;
  Reaper ring;
  if (!ring->features().reset_on_close) GTEST_SKIP() << ring->describe();
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->reset_on_close(slot, {Op::reset_on_close, 0, slot});
  ring->close(slot, kClose);
  const std::vector<Completion> done = ring.submitted();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(done[0].result, 0);
  EXPECT_EQ(done[1].result, 0);
  int error = 0;
  EXPECT_TRUE(ends(client, &error));
  EXPECT_EQ(error, ECONNRESET);
}

TEST(KernelRing, WithoutSocketOptionsSaysSoAndCloses) {
  const Listener listener;
  KernelRingOptions options;
  options.withheld.socket_options = true;
  Reaper ring(options);
  EXPECT_FALSE(ring->has_peer_address());
  const Descriptor client = listener.connected();
  const memory::Index slot = ring.accept(listener);
  ring->reset_on_close(slot, {Op::reset_on_close, 0, slot});
  ring->close(slot, kClose);
  const std::vector<Completion> done = ring.submitted();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(done[0].result, -EOPNOTSUPP);
  int error = 0;
  EXPECT_TRUE(ends(client, &error));
  EXPECT_EQ(error, 0);
}

TEST(KernelRing, WatchesAnEventDescriptor) {
  Reaper ring;
  const Descriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ring->watch(event.get(), {Op::wake, 0, 3});
  ring->submit();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(eventfd_write(event.get(), 1), 0);
    const Completion woken = ring.next(Op::wake);
    EXPECT_EQ(woken.tag().slot, 3u);
    EXPECT_NE(woken.result & POLLIN, 0);
    EXPECT_TRUE(woken.more());
    eventfd_t count = 0;
    EXPECT_EQ(eventfd_read(event.get(), &count), 0);
  }
}

TEST(KernelRing, WakesARingOfAnotherThread) {
  Reaper ring;
  const int target = ring->descriptor();
  constexpr std::uint32_t kWakes = 100;
  std::thread other([target] {
    Reaper waker;
    for (std::uint32_t number = 0; number < kWakes; ++number) {
      waker->wake(target, {Op::wake, number, 5}, {Op::none, 0, 0});
      EXPECT_TRUE(waker.submitted().empty());
    }
  });
  for (std::uint32_t number = 0; number < kWakes; ++number) {
    const Completion woken = ring.next(Op::wake);
    EXPECT_EQ(woken.tag(), (Tag{Op::wake, number, 5}));
    EXPECT_EQ(woken.result, 0);
  }
  other.join();
}

TEST(KernelRing, TellsAboutAWakeThatFailed) {
  Reaper ring;
  const Descriptor no_ring(eventfd(0, EFD_CLOEXEC));
  ring->wake(no_ring.get(), {Op::wake, 0, 5}, {Op::none, 9, 6});
  const std::vector<Completion> done = ring.submitted();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].tag(), (Tag{Op::none, 9, 6}));
  EXPECT_LT(done[0].result, 0);
}

TEST(KernelRing, LetsGoOfItsSocketsWhenItIsDestroyedWithOperationsArmed) {
  const Listener listener;
  Reaper ring;
  std::vector<Descriptor> clients;
  for (int count = 0; count < 16; ++count) {
    clients.push_back(listener.connected());
    const memory::Index slot = ring.accept(listener);
    ring->arm_readable(slot, {Op::readable, 0, slot});
  }
  ring->accept_multishot(listener.get(), kAccept);
  ring->submit();
  ring.destroy();
  for (const Descriptor& client : clients) EXPECT_TRUE(ends(client));
}

// This thread's own registered ring survives the end of another's. Without single_issuer the kernel would not
// stop the one from unregistering the other.
class KernelRingOrphan : public testing::TestWithParam<bool> {};

TEST_P(KernelRingOrphan, CanBeDestroyedAfterItsThreadEnded) {
  KernelRingOptions options;
  options.withheld.single_issuer = GetParam();
  const Listener listener;
  const Descriptor client = listener.connected();
  std::unique_ptr<KernelRing> orphan;
  std::thread owner([&] {
    Reaper ring(options);
    const memory::Index slot = ring.accept(listener);
    ring->arm_readable(slot, kReadable);
    ring->submit();
    orphan = ring.release();
  });
  owner.join();
  Reaper mine(options);
  orphan.reset();
  EXPECT_TRUE(ends(client));
  mine->cancel(kReadable, kCancel);
  EXPECT_EQ(mine.result_of(Op::cancel), -ENOENT);
}

INSTANTIATE_TEST_SUITE_P(SetUps, KernelRingOrphan, testing::Bool(), [](const auto& withheld) {
  return withheld.param ? "WithoutSingleIssuer" : "WithSingleIssuer";
});

}  // namespace
}  // namespace holdfast::ring
