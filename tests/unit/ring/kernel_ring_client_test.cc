// The client's operations of KernelRing against the running kernel, over loopback.
#include <array>

#include "loopback.h"

namespace holdfast::ring {
namespace {

constexpr Tag kOpened{static_cast<Op>(101), 0, 0};
constexpr Tag kConnected{static_cast<Op>(102), 0, 0};
constexpr Tag kOption{static_cast<Op>(103), 0, 0};
constexpr Tag kBound{static_cast<Op>(104), 0, 0};
constexpr memory::Index kSlot = 5;

SocketAddress address_of(Loopback from) {
  SocketAddress address;
  address.length = from.length;
  std::memcpy(address.bytes, &from.storage, from.length);
  return address;
}

SocketAddress ipv4(std::uint32_t ip) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(ip);
  SocketAddress address;
  address.length = sizeof in;
  std::memcpy(address.bytes, &in, sizeof in);
  return address;
}

class KernelRingClient : public testing::TestWithParam<int> {};

TEST_P(KernelRingClient, OpensASocketInTheGivenSlotConnectsItAndExchangesBytes) {
  const Listener listener(GetParam());
  if (!listener.usable()) GTEST_SKIP() << "this address family is switched off";
  Reaper ring;
  const SocketAddress server = address_of(Loopback::bound_to(listener.get()));
  ring->open_socket(kSlot, GetParam(), kOpened);
  ASSERT_EQ(ring.result_of(kOpened.op), 0);
  ring->connect(kSlot, &server, kConnected);
  ASSERT_EQ(ring.next(kConnected.op).result, 0);
  const Descriptor accepted(::accept(listener.get(), nullptr, nullptr));
  ASSERT_GE(accepted.get(), 0);
  ring->send(kSlot, bytes_of("hello"), {Op::send, 0, 0});
  EXPECT_EQ(ring.result_of(Op::send), 5);
  EXPECT_EQ(read_up_to(accepted, 5), "hello");
  ring->close(kSlot, {Op::close, 0, 0});
  EXPECT_EQ(ring.result_of(Op::close), 0);
  EXPECT_TRUE(ends(accepted));
}

INSTANTIATE_TEST_SUITE_P(Families, KernelRingClient, testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) { return family.param == AF_INET ? "Inet" : "Inet6"; });

TEST(KernelRingClientEnds, TellThatNobodyListens) {
  Reaper ring;
  SocketAddress server;
  {
    const Listener gone;
    server = address_of(Loopback::bound_to(gone.get()));
  }
  ring->open_socket(kSlot, AF_INET, kOpened);
  ASSERT_EQ(ring.result_of(kOpened.op), 0);
  ring->connect(kSlot, &server, kConnected);
  EXPECT_EQ(ring.next(kConnected.op).result, -ECONNREFUSED);
}

TEST(KernelRingClientOption, IsSetOnTheSocketInTheSlot) {
  const Listener listener;
  Reaper ring;
  if (!ring->has_peer_address()) GTEST_SKIP() << "this kernel has no socket options by ring";
  const SocketAddress server = address_of(Loopback::bound_to(listener.get()));
  ring->open_socket(kSlot, AF_INET, kOpened);
  ASSERT_EQ(ring.result_of(kOpened.op), 0);
  ring->connect(kSlot, &server, kConnected);
  ASSERT_EQ(ring.next(kConnected.op).result, 0);
  const Descriptor accepted(::accept(listener.get(), nullptr, nullptr));
  ASSERT_GE(accepted.get(), 0);
  // Lingering for no time turns the close into a reset: something the other end can see.
  constexpr linger kDiscard{1, 0};
  ring->set_option(kSlot, SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&kDiscard, 1)), kOption);
  ASSERT_EQ(ring.result_of(kOption.op), 0);
  ring->close(kSlot, {Op::close, 0, 0});
  ASSERT_EQ(ring.result_of(Op::close), 0);
  char byte = 0;
  EXPECT_EQ(::recv(accepted.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(KernelRingClientOption, ThatDoesNotExistIsRefused) {
  Reaper ring;
  if (!ring->has_peer_address()) GTEST_SKIP() << "this kernel has no socket options by ring";
  ring->open_socket(kSlot, AF_INET, kOpened);
  ASSERT_EQ(ring.result_of(kOpened.op), 0);
  constexpr int kOn = 1;
  ring->set_option(kSlot, IPPROTO_TCP, 9999, std::as_bytes(std::span(&kOn, 1)), kOption);
  EXPECT_EQ(ring.result_of(kOption.op), -ENOPROTOOPT);
}

TEST(KernelRingClientEnds, RefuseAnAddressThatIsNobodysAsSource) {
  Reaper ring;
  if (!ring->can_bind()) GTEST_SKIP() << "this kernel cannot bind by ring";
  const SocketAddress nobody = ipv4(0xc0000201);  // 192.0.2.1, for documentation
  ring->open_socket(kSlot, AF_INET, kOpened);
  ASSERT_EQ(ring.result_of(kOpened.op), 0);
  ring->bind_source(kSlot, &nobody, kOption, kBound);
  EXPECT_EQ(ring.result_of(kBound.op), -EADDRNOTAVAIL);
}

TEST(KernelRingClientSource, IsTheOneAskedForAndItsPortIsChosenByConnect) {
  Listener listener;
  Reaper ring;
  if (!ring->can_bind()) GTEST_SKIP() << "this kernel cannot bind by ring";
  const SocketAddress server = address_of(Loopback::bound_to(listener.get()));
  const SocketAddress source = ipv4(0x7f00'0007);
  ring->open_socket(kSlot, AF_INET, kOpened);
  ASSERT_EQ(ring.result_of(kOpened.op), 0);
  ring->bind_source(kSlot, &source, kOption, kBound);
  ASSERT_EQ(ring.result_of(kOption.op), 0);
  ASSERT_EQ(ring.next(kBound.op).result, 0);
  ring->connect(kSlot, &server, kConnected);
  ASSERT_EQ(ring.next(kConnected.op).result, 0);
  sockaddr_in peer{};
  socklen_t length = sizeof peer;
  const Descriptor accepted(
      ::accept(listener.get(), static_cast<sockaddr*>(static_cast<void*>(&peer)), &length));
  ASSERT_GE(accepted.get(), 0);
  EXPECT_EQ(ntohl(peer.sin_addr.s_addr), 0x7f00'0007u);
  EXPECT_NE(peer.sin_port, 0);
}

}  // namespace
}  // namespace holdfast::ring
