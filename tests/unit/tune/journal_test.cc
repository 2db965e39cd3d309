// Journals: whole or corrupt, nothing in between.
#include "tune/journal.h"

#include <gtest/gtest.h>

namespace holdfast::tune {
namespace {

Journal example() {
  return {"1,000,000 connections, profile density",
          {{Change::Kind::folder, "/etc/systemd/system/holdfast.service.d", false, "", "", ""},
           {Change::Kind::file, "/etc/sysctl.d/99 odd%name.conf", true, "a = 1\nend 2 3\n",
            std::string("b\0c", 3), ""},
           {Change::Kind::setting, "/proc/sys/net/ipv4/ip_local_reserved_ports", true, "", "8000,9000", ""}}};
}

TEST(Journals, AreReadAsTheyWereWritten) {
  const auto journal = parse_journal(format_journal(example()));
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(journal->about, example().about);
  ASSERT_EQ(journal->changes.size(), 3u);
  for (std::size_t index = 0; index < 3; ++index) {
    EXPECT_EQ(journal->changes[index].kind, example().changes[index].kind);
    EXPECT_EQ(journal->changes[index].path, example().changes[index].path);
    EXPECT_EQ(journal->changes[index].existed, example().changes[index].existed);
    EXPECT_EQ(journal->changes[index].prior, example().changes[index].prior);
    EXPECT_EQ(journal->changes[index].wanted, example().changes[index].wanted);
  }
}

TEST(Journals, AreCorruptWhenCutAnywhere) {
  const std::string text = format_journal(example());
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(parse_journal(std::string_view(text).substr(0, length)).ok()) << length;
  EXPECT_FALSE(parse_journal(text + "\n").ok());
  EXPECT_FALSE(parse_journal(text + text).ok());
}

TEST(Journals, AreCorruptWhenAnyBitIsFlipped) {
  const std::string text = format_journal(example());
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[place] = static_cast<char>(damaged[place] ^ (1 << bit));
      EXPECT_FALSE(parse_journal(damaged).ok()) << place << " bit " << bit;
    }
  }
}

}  // namespace
}  // namespace holdfast::tune
