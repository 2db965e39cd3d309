// The mailbox: order, bounds, wrap-around, letters that wait, many producers.
#include "shard/mailbox.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/entropy.h"

namespace holdfast::shard {
namespace {

Letter letter_of(const std::string& topic, const std::string& payload, std::uint64_t first = 0) {
  Letter letter;
  letter.kind = LetterKind::publish;
  letter.topic = topic;
  letter.payload = std::as_bytes(std::span(payload));
  letter.first = first;
  return letter;
}

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Mailbox, GivesLettersBackInOrderWithEverythingInThem) {
  Mailbox mailbox(8192);
  const std::string topic = "topic", payload = "payload";
  Letter letter = letter_of(topic, payload, 7);
  letter.message_type = 2;
  letter.second = 9;
  ASSERT_TRUE(mailbox.push(letter));
  ASSERT_TRUE(mailbox.push(letter_of("", "")));
  int seen = 0;
  EXPECT_TRUE(mailbox.drain([&](const Letter& got) {
    if (seen++ == 0) {
      EXPECT_EQ(got.topic, "topic");
      EXPECT_EQ(text(got.payload), "payload");
      EXPECT_EQ(got.first, 7u);
      EXPECT_EQ(got.second, 9u);
      EXPECT_EQ(got.message_type, 2);
    }
    return true;
  }));
  EXPECT_EQ(seen, 2);
  EXPECT_TRUE(mailbox.empty());
}

TEST(Mailbox, OffersARefusedLetterAgain) {
  Mailbox mailbox(8192);
  mailbox.push(letter_of("a", "1"));
  mailbox.push(letter_of("b", "2"));
  EXPECT_FALSE(mailbox.drain([](const Letter& letter) { return letter.topic != "b"; }));
  std::string topics;
  EXPECT_TRUE(mailbox.drain([&](const Letter& letter) { return topics += letter.topic, true; }));
  EXPECT_EQ(topics, "b");
}

TEST(Mailbox, RefusesWhenFullAndRecovers) {
  Mailbox mailbox(4096);
  const std::string payload(100, 'x');
  int pushed = 0;
  while (mailbox.push(letter_of("t", payload))) ++pushed;
  EXPECT_GT(pushed, 20);
  int drained = 0;
  mailbox.drain([&](const Letter&) { return ++drained, true; });
  EXPECT_EQ(drained, pushed);
  EXPECT_TRUE(mailbox.push(letter_of("t", payload)));
  EXPECT_FALSE(mailbox.push(letter_of("t", std::string(4096, 'y')))) << "larger than the mailbox";
}

TEST(Mailbox, HoldsTheLargestMessageItWasMadeForHoweverItsRingIsTurned) {
  constexpr std::size_t kPayload = 3000;
  Mailbox mailbox(Mailbox::capacity_for(kPayload));
  base::Random random(5);
  const std::string largest(kPayload, 'z');
  for (int round = 0; round < 3000; ++round) {
    ASSERT_TRUE(mailbox.push(letter_of(std::string(255, 't'), largest)));
    if (random.below(2) == 0) {
      ASSERT_TRUE(mailbox.push(letter_of("s", std::string(random.below(200), 's'))));
    }
    mailbox.drain([](const Letter&) { return true; });
  }
}

TEST(Mailbox, AgreesWithAQueueOverRandomPushesAndPartialDrains) {
  base::Random random(9);
  Mailbox mailbox(4096);
  std::deque<std::string> model;
  std::uint64_t accepted = 0;
  for (int step = 0; step < 200'000; ++step) {
    if (random.below(3) != 0) {
      std::string payload(random.below(random.below(10) == 0 ? 1500 : 60),
                          static_cast<char>('a' + step % 26));
      if (mailbox.push(letter_of("t", payload))) model.push_back(payload), ++accepted;
    } else {
      std::uint64_t budget = random.below(20);
      mailbox.drain([&](const Letter& letter) {
        if (budget-- == 0) return false;
        EXPECT_EQ(text(letter.payload), model.front());
        model.pop_front();
        return true;
      });
    }
  }
  EXPECT_GT(accepted, 10'000u);
}

TEST(Mailbox, KeepsTheOrderOfEachOfManyProducers) {
  constexpr std::uint64_t kProducers = 4, kLetters = 20'000;
  Mailbox mailbox(16'384);
  std::vector<std::thread> producers;
  for (std::uint64_t producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (std::uint64_t sequence = 0; sequence < kLetters; ++sequence) {
        const std::string payload = std::to_string(sequence);
        while (!mailbox.push(letter_of("t", payload, producer))) std::this_thread::yield();
      }
    });
  }
  std::vector<std::uint64_t> next(kProducers);
  std::uint64_t received = 0;
  while (received < kProducers * kLetters) {
    mailbox.drain([&](const Letter& letter) {
      EXPECT_EQ(text(letter.payload), std::to_string(next[letter.first]));
      ++next[letter.first];
      ++received;
      return true;
    });
    std::this_thread::yield();
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_TRUE(mailbox.empty());
}

}  // namespace
}  // namespace holdfast::shard
