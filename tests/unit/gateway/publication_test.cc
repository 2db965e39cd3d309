// Publications: their parts, their budget, their life on several threads.
#include "gateway/publication.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/entropy.h"

namespace holdfast::gateway {
namespace {

TEST(Publication, KeepsCopiesOfAllItsParts) {
  PublicationBudget budget(1 << 20);
  PublicationReference publication;
  {
    const std::string payload = "{\"a\":1}", user = "42", client = "c-1", conn = "{\"n\":1}", chan = "[]";
    const std::string key = "k", value(1000, 'v');
    const Member publisher{user, client, conn, chan};
    const Tag tags[] = {{key, value}, {"", ""}, {"x", "y"}};
    publication = Publication::make(budget, {payload, &publisher, tags, true});
  }
  ASSERT_TRUE(publication);
  EXPECT_EQ(publication->payload(), "{\"a\":1}");
  ASSERT_TRUE(publication->has_publisher());
  EXPECT_EQ(publication->publisher().user, "42");
  EXPECT_EQ(publication->publisher().client, "c-1");
  EXPECT_EQ(publication->publisher().conn_info, "{\"n\":1}");
  EXPECT_EQ(publication->publisher().chan_info, "[]");
  EXPECT_TRUE(publication->delta());
  ASSERT_TRUE(publication->has_tags());
  std::vector<std::pair<std::string, std::string>> seen;
  publication->for_each_tag([&seen](Tag tag) { seen.emplace_back(tag.key, tag.value); });
  EXPECT_EQ(seen, (std::vector<std::pair<std::string, std::string>>{
                      {"k", std::string(1000, 'v')}, {"", ""}, {"x", "y"}}));
}

TEST(Publication, OfTheServerHasNoPublisher) {
  PublicationBudget budget(1 << 20);
  const PublicationReference publication = Publication::make(budget, {});
  ASSERT_TRUE(publication);
  EXPECT_FALSE(publication->has_publisher());
  EXPECT_FALSE(publication->has_tags());
  EXPECT_EQ(publication->payload(), "");
  EXPECT_EQ(publication->publisher().user, "");
}

TEST(Publication, IsChargedBeforeItIsMadeAndUnchargedWithItsLastReference) {
  const std::string payload(1000, 'x');
  const std::uint64_t one = Publication::charge_of(payload.size());
  EXPECT_GT(one, payload.size() + sizeof(Publication));
  PublicationBudget budget(2 * one);
  PublicationReference first = Publication::make(budget, {.payload = payload});
  const PublicationReference second = Publication::make(budget, {.payload = payload});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(budget.used_bytes(), 2 * one);
  EXPECT_FALSE(Publication::make(budget, {.payload = payload}));
  EXPECT_EQ(budget.refusals(), 1u);
  EXPECT_EQ(budget.used_bytes(), 2 * one) << "a refusal charges nothing";
  PublicationReference copy = first;
  first.reset();
  EXPECT_EQ(budget.used_bytes(), 2 * one);
  EXPECT_EQ(copy->payload(), payload);
  copy = PublicationReference();
  EXPECT_EQ(budget.used_bytes(), one);
  EXPECT_TRUE(Publication::make(budget, {.payload = payload}));
}

TEST(Publication, LoweringTheBoundRefusesNewOnesAndKeepsOldOnes) {
  PublicationBudget budget(1 << 20);
  const PublicationReference kept = Publication::make(budget, {.payload = "kept"});
  budget.set_bound(1);
  EXPECT_FALSE(Publication::make(budget, {.payload = "new"}));
  EXPECT_EQ(kept->payload(), "kept");
}

TEST(Publication, IsNumberedOnce) {
  PublicationBudget budget(1 << 20);
  base::Random random(1);
  const Epoch epoch = Epoch::draw(random);
  PublicationReference draft = Publication::make(budget, {.payload = "x"});
  Publication::number(draft, {7, epoch}, 1234, 99);
  EXPECT_EQ(draft->offset(), 7u);
  EXPECT_EQ(draft->epoch(), epoch);
  EXPECT_EQ(draft->time_ms(), 1234);
  EXPECT_EQ(draft->expires_tick(), 99u);
  EXPECT_DEATH(Publication::number(draft, {8, epoch}, 0, 0), "CHECK|kNumbered");
  PublicationReference shared = Publication::make(budget, {.payload = "x"});
  const PublicationReference other = shared;
  EXPECT_DEATH(Publication::number(shared, {8, epoch}, 0, 0), "references");
}

TEST(Publication, MayDieOnAnyThread) {
  PublicationBudget budget(64 << 20);
  constexpr int kThreads = 4, kPublications = 2'000;
  std::vector<PublicationReference> publications;
  for (int i = 0; i < kPublications; ++i) {
    publications.push_back(Publication::make(budget, {.payload = std::to_string(i)}));
  }
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([copies = publications] {
      for (std::size_t i = 0; i < copies.size(); ++i) {
        const PublicationReference own = copies[i];
        ASSERT_EQ(own->payload(), std::to_string(i));
      }
    });
  }
  publications.clear();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(Epoch, IsEightLettersAndDiffersEachTime) {
  base::Random random(5);
  const Epoch first = Epoch::draw(random), second = Epoch::draw(random);
  EXPECT_EQ(first.text().size(), 8u);
  for (const char letter : first.text()) EXPECT_TRUE(std::isalpha(static_cast<unsigned char>(letter)));
  EXPECT_NE(first, second);
  EXPECT_EQ(Epoch::from_client(first.text()), first);
  EXPECT_TRUE(Epoch::from_client("").empty());
  using Texts = std::initializer_list<std::string_view>;
  for (const std::string_view other : Texts{"a", "abcdefg", "abcdefghi", {"\0bcdefgh", 8}}) {
    EXPECT_FALSE(Epoch::from_client(other).empty());
    EXPECT_NE(Epoch::from_client(other), first);
  }
}

TEST(ClientId, WritesAndReadsUuids) {
  base::Random random(9);
  const ClientId id = ClientId::draw(random);
  const ClientId::Text text = id.text();
  const std::string_view view(text.data(), text.size());
  EXPECT_EQ(view[14], '4');
  EXPECT_NE(std::string_view("89ab").find(view[19]), std::string_view::npos);
  EXPECT_EQ(ClientId::parse(view), id);
  EXPECT_NE(ClientId::draw(random), id);
  for (const std::string_view bad :
       {"", "123", "0123456789abcdef0123456789abcdef0123", "00000000-0000-0000-0000-00000000000g",
        "00000000-0000-0000-0000-0000000000000", "0000000-00000-0000-0000-000000000000",
        "ABCDEF00-0000-4000-8000-000000000000"}) {
    EXPECT_FALSE(ClientId::parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace holdfast::gateway
