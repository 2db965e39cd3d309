// MemoryBill: one line per pool, each beside the code that bounds it.
#include "shard/memory_bill.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "hub/homes.h"
#include "net/address_counts.h"
#include "net/receive_pool.h"
#include "shard/limits.h"
#include "shard/mailbox.h"
#include "ws/reader.h"

namespace holdfast::shard {
namespace {

// Measured: 8 MB for holdfast-echo, 14 MB for holdfast, nearly all of it the text of program and libraries.
constexpr std::uint64_t kProgramBytes = 32u << 20;
// What a thread has touched of its stack, and what its allocator keeps for it.
constexpr std::uint64_t kThreadBytes = 1u << 20;
constexpr std::uint64_t kSubmissionBytes = 64 + 4;
constexpr std::uint64_t kCompletionBytes = 16;
// A context of wslay, which allocates it itself: 4.2 kB.
constexpr std::uint64_t kWebSocketContextBytes = 4608;

constexpr const char* kNames[] = {"", "shards", "connections", "subscriptions", "channels"};

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t place = 0; place < digits.size(); ++place) {
    if (place > 0 && (digits.size() - place) % 3 == 0) text.push_back(',');
    text.push_back(digits[place]);
  }
  return text;
}

void add_of_shards(MemoryBill& bill, const Config& config, const Capacity& capacity) {
  const std::uint64_t shards = capacity.shards;
  const Tuning& tuning = config.tuning;
  const auto add = [&](std::uint64_t count, std::uint64_t bytes, const char* what) {
    bill.push_back({Grows::with_shards, shards * count, bytes, what});
  };
  add(1, kThreadBytes, "thread");
  add(tuning.submission_entries, kSubmissionBytes, "ring, submissions");
  add(tuning.completion_entries, kCompletionBytes, "ring, completions");
  add(capacity.sizes.receive_buffers, net::ReceivePool::kSmallBytes, "receive buffers");
  add(tuning.large_receive_buffers, net::ReceivePool::kLargeBytes, "large receive buffers");
  add(1, net::Outbox::kGatherBytes, "messages gathered for one send");
  add(2, std::max(tuning.mailbox_bytes, Mailbox::capacity_for(config.max_message_bytes)), "mailboxes");
  add(ws::ReaderLimits{}.contexts, kWebSocketContextBytes, "contexts of fragments that come in pieces");
  add(1, capacity.sizes.arena_bytes, "queued messages and incomplete input");
  add(1, memory::BlockArena::state_bytes(capacity.sizes.arena_bytes), "their bookkeeping");
}

void add_of_connections(MemoryBill& bill, const Config& config, const Capacity& capacity) {
  const std::uint64_t slots = std::uint64_t{capacity.shards} * capacity.sizes.slots;
  const auto add = [&](std::uint64_t bytes, const char* what) {
    bill.push_back({Grows::with_connections, slots, bytes, what});
  };
  add(sizeof(net::Slot) + sizeof(net::SlotDetail), "slot");
  add(sizeof(memory::Assembly), "record of incomplete input");
  add(sizeof(ring::SocketAddress), "question for the peer's address");
  add(Limits::kWorkLists * 2 * sizeof(memory::Index), "places in lists of work");
  if (capacity.sizes.input_accounts > 0) add(sizeof(net::InputAccount), "account of its rate");
  if (config.max_connections_per_address > 0)
    add(net::AddressCounts::bytes_for(slots) / slots + 1, "count of its address");
  const std::uint64_t nodes = std::uint64_t{capacity.shards} * capacity.sizes.outbox_nodes;
  add(nodes * sizeof(net::OutboxNode) / slots + 1, "places of queued messages");
}

// Each subscription to a topic of its own, of the longest name.
void add_of_subscriptions(MemoryBill& bill, const Capacity& capacity) {
  const std::uint64_t count = std::uint64_t{capacity.shards} * capacity.sizes.subscriptions;
  const auto add = [&](std::uint64_t bytes, const char* what) {
    bill.push_back({Grows::with_subscriptions, count, bytes, what});
  };
  constexpr std::uint64_t kName = sizeof(std::string) + heap_bytes(hub::kTopicNameMaximumBytes + 1);
  add(sizeof(hub::Subscription), "subscription");
  // The vector of topics doubles, too.
  add(kName + 3 * (sizeof(memory::Index) * 3), "its topic");
  add(kName + table_bytes(sizeof(std::string) + sizeof(memory::Index)), "the topic's name, to find it");
  add(kName + table_bytes(sizeof(std::string) + sizeof(hub::ShardSet)), "at the topic's home");
  // Told in one table, awaited in another (shard_hub.cc).
  add(2 * (kName + table_bytes(sizeof(std::string) + 8)), "news of it for its home, and the answer");
}

// Items that grow with the same number of the same thing, added up.
std::string formula(const MemoryBill& bill, std::uint64_t shards) {
  struct Part {
    Grows grows;
    std::uint64_t count, bytes;
  };
  std::vector<Part> parts;
  for (const MemoryItem& item : bill) {
    if (item.total() == 0) continue;
    const bool per_item = item.grows != Grows::with_nothing && item.grows != Grows::with_shards;
    const std::uint64_t count = per_item ? item.count : item.grows == Grows::with_shards ? shards : 1;
    const auto same = [&](const Part& part) { return part.grows == item.grows && part.count == count; };
    auto found = std::find_if(parts.begin(), parts.end(), same);
    if (found == parts.end()) found = parts.insert(parts.end(), Part{item.grows, count, 0});
    found->bytes += item.total() / count;
  }
  std::string text;
  for (const Part& part : parts) {
    absl::StrAppend(&text, text.empty() ? "  " : "  + ");
    if (part.grows != Grows::with_nothing) {
      absl::StrAppend(&text, grouped(part.count), " ", kNames[static_cast<std::size_t>(part.grows)], " x ");
    }
    absl::StrAppend(&text, grouped(part.bytes), "\n");
  }
  return text;
}

}  // namespace

MemoryBill memory_bill(const Config& config, const Capacity& capacity) {
  MemoryBill bill = {{Grows::with_nothing, 1, kProgramBytes, "program and libraries"}};
  add_of_shards(bill, config, capacity);
  add_of_connections(bill, config, capacity);
  add_of_subscriptions(bill, capacity);
  return bill;
}

std::uint64_t total_bytes(const MemoryBill& bill) {
  std::uint64_t total = 0;
  for (const MemoryItem& item : bill) total += item.total();
  return total;
}

std::string describe(const MemoryBill& bill, std::uint32_t shards) {
  std::string text =
      "The most memory this configuration can take, in bytes. An empty server takes a few megabytes: what\n"
      "stands here is taken when it is needed, and never more.\n\n"
      "          count            each               total  what\n";
  for (const MemoryItem& item : bill) {
    char line[160];
    std::snprintf(line, sizeof line, "%15s %15s %19s  %s\n", grouped(item.count).c_str(),
                  grouped(item.bytes).c_str(), grouped(item.total()).c_str(), item.what.c_str());
    text += line;
  }
  const std::uint64_t total = total_bytes(bill);
  absl::StrAppend(&text, "\n", formula(bill, shards), "  = ", grouped(total), " bytes, ", (total >> 20) + 1,
                  " MiB\n");
  absl::StrAppend(
      &text,
      "\nThe kernel's sockets come on top: 4.1 kB for an idle connection, and for one that is not read,\n"
      "or does not read, what net.ipv4.tcp_rmem and tcp_wmem allow; net.ipv4.tcp_mem bounds all of it.\n");
  return text;
}

}  // namespace holdfast::shard
