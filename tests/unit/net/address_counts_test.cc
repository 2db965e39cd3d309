// AddressCounts: what counts as one address, the bound, and that nothing drifts.
#include "net/address_counts.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>
#include <vector>

#include "base/entropy.h"

namespace holdfast::net {
namespace {

PeerAddress ipv4(std::uint32_t address, std::uint16_t port = 1) {
  PeerAddress peer;
  peer.ip[10] = peer.ip[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) peer.ip[12 + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  peer.port = port;
  return peer;
}

PeerAddress ipv6(std::uint64_t network, std::uint64_t host) {
  PeerAddress peer;
  for (std::size_t i = 0; i < 8; ++i) {
    peer.ip[i] = static_cast<std::uint8_t>(network >> (56 - 8 * i));
    peer.ip[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
  }
  return peer;
}

std::unique_ptr<AddressCounts> make(std::uint32_t most_of_one, std::uint64_t connections = 1000) {
  auto counts = AddressCounts::create({11, 22}, most_of_one, connections);
  EXPECT_TRUE(counts.ok()) << counts.status();
  return *std::move(counts);
}

TEST(AddressCounts, LetsInAsManyAsItMayAndThenNoneUntilOneLeaves) {
  const auto counts = make(3);
  for (std::uint16_t port = 1; port <= 3; ++port) EXPECT_TRUE(counts->add(ipv4(0x7f000001, port)));
  EXPECT_FALSE(counts->add(ipv4(0x7f000001, 4)));
  EXPECT_EQ(counts->count(ipv4(0x7f000001)), 3u) << "a refusal must not count";
  EXPECT_TRUE(counts->add(ipv4(0x7f000002))) << "another address is another matter";
  counts->remove(ipv4(0x7f000001, 2));
  EXPECT_TRUE(counts->add(ipv4(0x7f000001, 5)));
  EXPECT_FALSE(counts->add(ipv4(0x7f000001, 6)));
}

TEST(AddressCounts, TakesTheFirst64BitsOfIpv6ForOneAddress) {
  const auto counts = make(2);
  EXPECT_TRUE(counts->add(ipv6(0x20010db800000001, 1)));
  EXPECT_TRUE(counts->add(ipv6(0x20010db800000001, 0xffffffffffffffff)));
  EXPECT_FALSE(counts->add(ipv6(0x20010db800000001, 3)));
  EXPECT_TRUE(counts->add(ipv6(0x20010db800000002, 1)));
  EXPECT_TRUE(counts->add(ipv6(0, 1))) << "::1";
  EXPECT_TRUE(counts->add(ipv4(0))) << "0.0.0.0 is not ::";
  EXPECT_TRUE(counts->add(ipv6(0, 1)));
  EXPECT_FALSE(counts->add(ipv6(0, 1)));
  EXPECT_TRUE(counts->add(ipv4(0)));
  EXPECT_FALSE(counts->add(ipv4(0)));
}

TEST(AddressCounts, AgreesWithAMapAfterAnyAddsAndRemoves) {
  constexpr std::uint64_t kConnections = 300;
  const auto counts = make(5, kConnections);
  base::Random random(4711);
  std::map<std::uint32_t, std::uint32_t> expected;
  std::vector<std::uint32_t> held;
  for (int step = 0; step < 200'000; ++step) {
    const auto address = static_cast<std::uint32_t>(random.below(step % 20'000 < 10'000 ? 30 : 400));
    if (held.size() < kConnections && random.below(2) == 0) {
      const bool added = counts->add(ipv4(address));
      ASSERT_EQ(added, expected[address] < 5) << address;
      if (added) ++expected[address], held.push_back(address);
    } else if (!held.empty()) {
      std::swap(held[random.below(held.size())], held.back());
      counts->remove(ipv4(held.back()));
      --expected[held.back()];
      held.pop_back();
    }
    if (step % 1000 == 0) {
      for (const auto& [some, count] : expected) ASSERT_EQ(counts->count(ipv4(some)), count) << some;
    }
  }
  for (const std::uint32_t address : held) counts->remove(ipv4(address));
  for (const auto& [address, count] : expected) EXPECT_EQ(counts->count(ipv4(address)), 0u) << address;
}

TEST(AddressCounts, HoldsAsManyAddressesAsConnections) {
  const auto counts = make(1, 5000);
  for (std::uint32_t address = 0; address < 5000; ++address) ASSERT_TRUE(counts->add(ipv4(address)));
  for (std::uint32_t address = 0; address < 5000; ++address) ASSERT_FALSE(counts->add(ipv4(address)));
  for (std::uint32_t address = 0; address < 5000; ++address) counts->remove(ipv4(address));
}

TEST(AddressCounts, IsTheSameForAllThreads) {
  const auto counts = make(1'000'000, 1000);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(counts->add(ipv4(7)));
        ASSERT_TRUE(counts->add(ipv4(static_cast<std::uint32_t>(i % 100))));
        counts->remove(ipv4(7));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts->count(ipv4(7)), 4u * 100u);
  EXPECT_EQ(counts->count(ipv4(8)), 4u * 100u);
}

}  // namespace
}  // namespace holdfast::net
