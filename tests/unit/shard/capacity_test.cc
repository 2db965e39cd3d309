// How many shards a configuration needs, and how every wrong value is refused.
#include "shard/capacity.h"

#include <gtest/gtest.h>

namespace holdfast::shard {
namespace {

Config config_for(std::uint32_t connections) {
  Config config;
  config.listen = {"127.0.0.1:0"};
  config.max_connections = connections;
  return config;
}

constexpr Host kLowLimit{.cores = 2, .open_files = 20'000};
constexpr Host kTuned{.cores = 8, .open_files = 4'000'000};

TEST(Capacity, UsesOneShardPerCoreWhenThatHoldsEverybody) {
  const auto capacity = plan_capacity(config_for(1000), kTuned);
  ASSERT_TRUE(capacity.ok()) << capacity.status();
  EXPECT_EQ(capacity->shards, 8u);
  EXPECT_GE(capacity->shards * capacity->sizes.slots, 1000u);
}

TEST(Capacity, UsesMoreShardsWhereTheDescriptorLimitIsLow) {
  const auto hundred_thousand = plan_capacity(config_for(100'000), kLowLimit);
  ASSERT_TRUE(hundred_thousand.ok()) << hundred_thousand.status();
  EXPECT_EQ(hundred_thousand->shards, 6u);
  EXPECT_LE(hundred_thousand->sizes.slots, 20'000u);
  const auto million = plan_capacity(config_for(1'000'000), kLowLimit);
  ASSERT_TRUE(million.ok()) << million.status();
  EXPECT_EQ(million->shards, 56u);
}

TEST(Capacity, HoldsAMillionInSeventeenShardsOnATunedHost) {
  const auto capacity = plan_capacity(config_for(1'000'000), kTuned);
  ASSERT_TRUE(capacity.ok()) << capacity.status();
  EXPECT_EQ(capacity->shards, 17u);  // 1.1 million by 65,535: one more than without headroom
  EXPECT_LE(capacity->sizes.slots, kConnectionsPerShardMaximum);
}

TEST(Capacity, TakesASingleShardsBoundExactly) {
  Config config = config_for(1000);
  config.shards = 1;
  const auto capacity = plan_capacity(config, kLowLimit);
  ASSERT_TRUE(capacity.ok()) << capacity.status();
  EXPECT_EQ(capacity->sizes.slots, 1000u);
}

TEST(Capacity, AddsASpareSlotForEachFurtherListener) {
  Config config = config_for(1000);
  config.shards = 1;
  config.listen_tcp = {"127.0.0.1:0"};
  config.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  EXPECT_EQ(plan_capacity(config, kLowLimit)->sizes.slots, 1002u);
}

TEST(Capacity, KeepsSlotsForHttpThatClientsCannotTake) {
  Config config = config_for(1000);
  config.shards = 1;
  config.listen_http = {"127.0.0.1:0"};
  const auto capacity = plan_capacity(config, kLowLimit);
  EXPECT_EQ(capacity->sizes.slots_for_http, kSlotsReservedForHttp);
  EXPECT_EQ(capacity->sizes.slots, 1001u + kSlotsReservedForHttp);
}

TEST(Capacity, KeepsAccountsOfInputOnlyWhereItIsLimited) {
  Config config = config_for(1000);
  config.shards = 1;
  EXPECT_EQ(plan_capacity(config, kLowLimit)->sizes.input_accounts, 0u);
  config.max_messages_per_second = 1;
  EXPECT_EQ(plan_capacity(config, kLowLimit)->sizes.input_accounts, 1000u);
  config.max_messages_per_second = 0;
  config.max_bytes_per_second = 1023;
  EXPECT_NE(plan_capacity(config, kLowLimit).status().message().find("max_bytes_per_second=1023"),
            absl::string_view::npos);
}

TEST(Capacity, SaysHowManyShardsWouldDo) {
  Config config = config_for(100'000);
  config.shards = 2;
  const auto capacity = plan_capacity(config, kLowLimit);
  ASSERT_FALSE(capacity.ok());
  for (const char* part : {"shards=2", "max_connections=100000", "RLIMIT_NOFILE=20000", "shards=6"}) {
    EXPECT_NE(capacity.status().message().find(part), absl::string_view::npos)
        << part << ": " << capacity.status();
  }
}

TEST(Capacity, RefusesMoreThanAllShardsTogetherCanHold) {
  const auto capacity = plan_capacity(config_for(8'000'000), kLowLimit);
  ASSERT_FALSE(capacity.ok());
  EXPECT_NE(capacity.status().message().find("256"), absl::string_view::npos) << capacity.status();
}

TEST(Capacity, NamesTheSettingTheValueAndTheRangeOfEveryBound) {
  const struct {
    const char* name;
    void (*spoil)(Config&);
  } cases[] = {
      {"shards=257", [](Config& config) { config.shards = 257; }},
      {"max_connections=0", [](Config& config) { config.max_connections = 0; }},
      {"max_message_bytes=0", [](Config& config) { config.max_message_bytes = 0; }},
      {"max_message_bytes=67108865", [](Config& config) { config.max_message_bytes = (64u << 20) + 1; }},
      {"max_fragments=0", [](Config& config) { config.max_fragments = 0; }},
      {"max_handshakes=0", [](Config& config) { config.max_handshakes = 0; }},
      {"max_outbox_bytes=65536", [](Config& config) { config.max_outbox_bytes = 65'536; }},
      {"max_outbox_messages=15", [](Config& config) { config.max_outbox_messages = 15; }},
      {"tuning.receive_buffers=4097", [](Config& config) { config.tuning.receive_buffers = 4097; }},
      {"tuning.submission_entries=1", [](Config& config) { config.tuning.submission_entries = 1; }},
      {"handshake_timeout=0ms",
       [](Config& config) { config.handshake_timeout = std::chrono::milliseconds(0); }},
      {"ping_interval=-1ms", [](Config& config) { config.ping_interval = std::chrono::milliseconds(-1); }},
      {"http_idle_timeout=-1ms",
       [](Config& config) { config.http_idle_timeout = std::chrono::milliseconds(-1); }},
      {"drain_close_code=1005", [](Config& config) { config.drain_close_code = 1005; }},
      {"drain_close_reason", [](Config& config) { config.drain_close_reason.assign(124, 'x'); }},
      {"overflow_close_code=2999", [](Config& config) { config.overflow_close_code = 2999; }},
      {"drain_timeout=90000000ms", [](Config& config) { config.drain_timeout = std::chrono::hours(25); }},
  };
  for (const auto& wrong : cases) {
    Config config = config_for(1000);
    wrong.spoil(config);
    const auto capacity = plan_capacity(config, kTuned);
    ASSERT_FALSE(capacity.ok()) << wrong.name;
    EXPECT_NE(capacity.status().message().find(wrong.name), absl::string_view::npos) << capacity.status();
  }
}

TEST(Capacity, GivesShardsThatShareACoreFewerReceiveBuffers) {
  Config config = config_for(1'000'000);
  EXPECT_EQ(plan_capacity(config, {.cores = 16, .open_files = 1u << 20})->sizes.receive_buffers, 60u);
  EXPECT_EQ(plan_capacity(config, {.cores = 2, .open_files = 20'000})->sizes.receive_buffers, 16u);
  config.tuning.receive_buffers = 7;
  EXPECT_EQ(plan_capacity(config, {.cores = 2, .open_files = 20'000})->sizes.receive_buffers, 7u);
  EXPECT_EQ(plan_capacity(config_for(1000), {.cores = 1, .open_files = 20'000})->sizes.receive_buffers, 64u);
}

TEST(Capacity, RefusesToListenNowhere) {
  Config config = config_for(10);
  config.listen.clear();
  EXPECT_FALSE(plan_capacity(config, kTuned).ok());
}

}  // namespace
}  // namespace holdfast::shard
