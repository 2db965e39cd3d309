// The sums: shards as the server counts them, pages, memory; and the parsers of slabinfo and sysctl.d.
#include "tune/bill.h"

#include <gtest/gtest.h>

#include "shard/capacity.h"
#include "tune/check.h"
#include "tune/prove.h"
#include "tune/slabs.h"

namespace holdfast::tune {
namespace {

Target target_of(std::uint64_t connections) {
  Target target;
  target.connections = connections;
  target.profile.broadcast_millionths = 250'000;
  target.profile.reconnect_window_s = 60;
  return target;
}

// The tool and the server must not disagree about the number of shards.
TEST(Shards, AreThoseTheServerChooses) {
  for (const std::uint64_t connections : {1ull, 1'000ull, 20'000ull, 65'535ull, 65'536ull, 100'000ull,
                                          1'000'000ull, 1'050'000ull, 5'000'000ull}) {
    for (const std::uint64_t open_files : {1'100ull, 20'000ull, 65'536ull, 1'048'576ull}) {
      for (const std::uint32_t cores : {1u, 2u, 64u}) {
        Config config;
        config.listen = {"127.0.0.1:0"};
        config.max_connections = static_cast<std::uint32_t>(connections);
        const auto capacity = shard::plan_capacity(config, {cores, open_files});
        const std::uint64_t shards = shards_for(target_of(connections), cores, open_files);
        if (shards <= kShardsMaximum && shards * 4 + 64 <= open_files) {
          ASSERT_TRUE(capacity.ok()) << capacity.status() << connections << " " << open_files;
          EXPECT_EQ(capacity->shards, shards) << connections << " " << open_files << " " << cores;
        } else {
          EXPECT_FALSE(capacity.ok()) << connections << " " << open_files << " " << cores;
        }
      }
    }
  }
}

TEST(Shards, AtTheMostAServerHolds) {
  EXPECT_LE(shards_for(target_of(kConnectionsMaximum), 1, kNoLimit), kShardsMaximum);
  EXPECT_GT(shards_for(target_of(kConnectionsMaximum + 1'000), 1, kNoLimit), kShardsMaximum);
  EXPECT_GT(shards_for(target_of(1), 1, 1), kShardsMaximum);
}

TEST(Pages, AreCountedPerDirectionAndForBothEndsOnLoopback) {
  Target target = target_of(1'000'000);
  EXPECT_EQ(active_pages(target), 100'000u);
  EXPECT_EQ(broadcast_pages(target), 250'000u);
  target.message_bytes = 4'096;
  EXPECT_EQ(active_pages(target), 200'000u);
  target.loopback = true;
  EXPECT_EQ(active_pages(target), 400'000u);
}

TEST(Bill, IsTheSumOfItsItemsAndGrowsWithTheTarget) {
  const Host host("/nonexistent");
  const Facts facts(host);
  const auto bill = memory_bill(facts, target_of(1'000'000));
  EXPECT_EQ(bill[0].bytes, 3'830'000'000u);
  EXPECT_EQ(bill[1].bytes, 304'000'000u);
  EXPECT_EQ(bill[2].bytes, 128'000'000u);
  std::uint64_t before = 0;
  for (std::uint64_t connections = 1; connections < kConnectionsMaximum; connections *= 3) {
    const std::uint64_t total = total_bytes(memory_bill(facts, target_of(connections)));
    EXPECT_GE(total, before);
    before = total;
  }
}

TEST(Judges, AreMonotone) {
  const Host host("/nonexistent");
  Facts facts(host);
  facts.memory_available = facts.memory_total = 8ull << 30;
  facts.open_files_hard = 5'000;
  facts.locked_bytes_hard = 8u << 20;
  facts.group_memory.limit = 4ull << 30;
  facts.group_pids.limit = 100;
  for (const Knob& knob : all_knobs()) {
    bool wall = false;
    for (std::uint64_t connections = 1; connections < kConnectionsMaximum;
         connections = connections * 5 / 4 + 1) {
      Target target = target_of(connections);
      target.profile.chain_length = 4;
      target.profile.listener_stall_ms = 1'000;
      const bool now = knob.judge(facts, target).severity == Severity::wall;
      EXPECT_TRUE(now || !wall) << std::string(knob.key) << " at " << connections;
      EXPECT_TRUE(!now || knob.bounds_connections) << std::string(knob.key);
      wall = now;
    }
  }
}

constexpr std::string_view kSlabinfo =
    "slabinfo - version: 2.1\n"
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables\n"
    "TCP                   100    117   2368   13    8 : tunables    0    0    0 : slabdata      9      9    "
    "  0\n"
    "filp                  525    525    192   21    1 : tunables    0    0    0\n"
    "broken line\n"
    "zero 1 1 1 0 1\n";

TEST(Slabs, AreReadAndCharged) {
  const Slabs slabs = parse_slabs(kSlabinfo);
  ASSERT_EQ(slabs.size(), 2u);
  EXPECT_EQ(slabs.at("TCP").active, 100u);
  EXPECT_NEAR(slabs.at("TCP").object_bytes, 8 * 4096.0 / 13, 0.01);
  EXPECT_TRUE(parse_slabs("").empty());
  EXPECT_TRUE(parse_slabs("banana\n\n").empty());
}

TEST(Slabs, GrowthIsPerConnectionAndLeavesNoiseOut) {
  Slabs before = {
      {"TCP", {100, 2'500}}, {"filp", {1'000, 195}}, {"dentry", {5'000, 195}}, {"kmalloc-64", {50, 64}}};
  Slabs after = {{"TCP", {2'100, 2'500}},
                 {"filp", {3'000, 195}},
                 {"dentry", {90'000, 195}},
                 {"tcp_bind_bucket", {1'000, 128}},
                 {"kmalloc-64", {350, 64}}};
  const auto growth = growth_each(before, after, 1'000);
  ASSERT_EQ(growth.size(), 4u) << "0.3 allocations of a general size are somebody else's";
  EXPECT_EQ(growth[0].cache, "TCP");
  EXPECT_DOUBLE_EQ(growth[0].bytes_each, 5'000);
  EXPECT_DOUBLE_EQ(total_bytes(growth), 5'000 + 390 + 390 + 128) << "one directory entry a file";
  EXPECT_DOUBLE_EQ(end_bytes_of(growth), 2'890) << "the port belongs to the connecting end";
}

TEST(Slabs, MergedCachesAreFoundUnderOurNames) {
  const Slabs all = {{"eventpoll_epi", {10, 128}},
                     {"proc_inode_cache", {99, 700}},
                     {"kmalloc-32", {5, 32}},
                     {"TCP", {1, 2'500}}};
  const auto identity = [](const std::string& cache) -> std::string {
    return cache == "eventpoll_epi" || cache == "tcp_bind_bucket" || cache == "tcp_bind2_bucket" ? ":0000128"
                                                                                                 : "";
  };
  const Slabs found = connection_slabs(all, identity);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found.at("tcp_bind_bucket").active, 10u);
  EXPECT_EQ(found.count("proc_inode_cache"), 0u);
}

TEST(SysctlFiles, AreReadAsSystemdReadsThem) {
  const auto lines = parse_sysctl_file(
      "# comment\n; another\n\n net.core.somaxconn = 4096 \n-net/ipv4/tcp_rmem=4096\t87380   6291456\n"
      "net.ipv4.conf.eth0/1.forwarding=1\nnet/ipv4/conf/eth0.1/forwarding=1\nno setting\n=5\n");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].key, "net.core.somaxconn");
  EXPECT_EQ(lines[0].value, "4096");
  EXPECT_EQ(lines[0].number, 4u);
  EXPECT_EQ(lines[1].key, "net.ipv4.tcp_rmem");
  EXPECT_EQ(lines[1].value, "4096 87380 6291456");
  EXPECT_EQ(lines[2].key, lines[3].key);
}

}  // namespace
}  // namespace holdfast::tune
