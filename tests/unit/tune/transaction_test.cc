// A kernel that takes a value and keeps another: what only a Host of our own can show. Everything else about
// transactions is in tests/tune, with the real program.
#include "tune/transaction.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace holdfast::tune {
namespace {

namespace files = std::filesystem;

// Rounds what is written into one key up to a multiple of 512, as the kernel does with conntrack's buckets.
class RoundingHost : public Host {
 public:
  using Host::Host;
  int write_value(const std::string& path, const std::string& value) override {
    if (path != rounding) return Host::write_value(path, value);
    return Host::write_value(path, std::to_string((std::stoul(value) + 511) / 512 * 512));
  }
  std::string rounding = "/proc/sys/net/second";
};

class Transactions : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/holdfast-tune-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    root_ = name;
    files::create_directories(root_ + "/proc/sys/net");
    for (const char* key : {"first", "second", "third"}) put(key, "1024");
  }
  void TearDown() override { files::remove_all(root_); }

  void put(const std::string& key, const std::string& value) {
    std::ofstream(root_ + "/proc/sys/net/" + key) << value << "\n";
  }
  std::string get(const std::string& key) {
    std::string value;
    std::getline(std::ifstream(root_ + "/proc/sys/net/" + key), value);
    return value;
  }
  static Journal journal(const std::string& wanted) {
    Journal journal{"a test", {}};
    for (const char* key : {"first", "second", "third"})
      journal.changes.push_back(
          {Change::Kind::setting, std::string("/proc/sys/net/") + key, true, "1024", wanted, ""});
    return journal;
  }

  std::string root_;
};

TEST_F(Transactions, PutEverythingBackWhenAValueReadsDifferently) {
  RoundingHost host(root_);
  auto transaction = Transaction::begin(host);
  ASSERT_TRUE(transaction.ok());
  const absl::Status status = (*transaction)->apply(journal("2000"));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_NE(status.message().find("net.second reads \"2048\" after writing \"2000\""),
            absl::string_view::npos)
      << status;
  for (const char* key : {"first", "second", "third"}) EXPECT_EQ(get(key), "1024");
  EXPECT_TRUE(read_journals(host)->empty());
}

TEST_F(Transactions, KeepTheJournalWhenPuttingBackFails) {
  RoundingHost host(root_);
  put("second", "1000");
  Journal wrong = journal("2000");
  wrong.changes[1].prior = "1000";  // what the kernel will not keep either
  {
    auto transaction = Transaction::begin(host);
    ASSERT_TRUE(transaction.ok());
    EXPECT_EQ((*transaction)->apply(wrong).code(), absl::StatusCode::kInternal);
    EXPECT_EQ(read_journals(host)->size(), 1u);
    EXPECT_EQ(get("first"), "1024");
  }
  host.rounding.clear();
  auto transaction = Transaction::begin(host);
  ASSERT_TRUE(transaction.ok());
  const auto outcome = (*transaction)->revert(true);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(get("second"), "1000");
  EXPECT_TRUE(read_journals(host)->empty());
}

TEST_F(Transactions, AreOneAtATime) {
  Host host(root_);
  auto first = Transaction::begin(host);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(Transaction::begin(host).ok());
  first->reset();
  EXPECT_TRUE(Transaction::begin(host).ok());
}

}  // namespace
}  // namespace holdfast::tune
