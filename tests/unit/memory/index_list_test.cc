// IndexList: order, removal anywhere, two lists through one record, and neighbours that disagree.
#include "memory/index_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/entropy.h"

namespace holdfast::memory {
namespace {

struct Record {
  ListLink by_topic;
  ListLink by_connection;
};

class IndexListTest : public testing::Test {
 protected:
  std::vector<Record> records_ = std::vector<Record>(32);
  Index head_ = kNoIndex;

  auto by_topic() {
    return [this](Index index) -> ListLink& { return records_[index].by_topic; };
  }
  auto by_connection() {
    return [this](Index index) -> ListLink& { return records_[index].by_connection; };
  }

  std::vector<Index> contents() {
    std::vector<Index> found;
    Index previous = kNoIndex;
    for (Index i = head_; i != kNoIndex; i = records_[i].by_topic.next) {
      EXPECT_EQ(records_[i].by_topic.previous, previous);
      previous = i;
      found.push_back(i);
    }
    return found;
  }
};

TEST_F(IndexListTest, PutsTheNewestFirst) {
  for (Index i = 0; i < 3; ++i) list_push_front(head_, i, by_topic());
  EXPECT_EQ(contents(), (std::vector<Index>{2, 1, 0}));
}

TEST_F(IndexListTest, RemovesFirstMiddleLastAndOnly) {
  for (Index i = 0; i < 4; ++i) list_push_front(head_, i, by_topic());
  list_remove(head_, 2, by_topic());
  EXPECT_EQ(contents(), (std::vector<Index>{3, 1, 0}));
  list_remove(head_, 3, by_topic());
  EXPECT_EQ(contents(), (std::vector<Index>{1, 0}));
  list_remove(head_, 0, by_topic());
  EXPECT_EQ(contents(), (std::vector<Index>{1}));
  list_remove(head_, 1, by_topic());
  EXPECT_EQ(head_, kNoIndex);
  EXPECT_EQ(records_[1].by_topic.next, kNoIndex);
  EXPECT_EQ(records_[1].by_topic.previous, kNoIndex);
}

TEST_F(IndexListTest, OneRecordCanStandInTwoLists) {
  Index other_head = kNoIndex;
  for (Index i = 0; i < 3; ++i) {
    list_push_front(head_, i, by_topic());
    list_push_front(other_head, i, by_connection());
  }
  list_remove(other_head, 1, by_connection());
  EXPECT_EQ(contents(), (std::vector<Index>{2, 1, 0}));
  EXPECT_EQ(records_[2].by_connection.next, 0u);
}

TEST_F(IndexListTest, AgreesWithAPlainVectorUnderRandomTraffic) {
  base::Random random(9);
  std::vector<Index> model;
  for (int i = 0; i < 50'000; ++i) {
    const Index index = static_cast<Index>(random.below(records_.size()));
    const auto found = std::find(model.begin(), model.end(), index);
    if (found == model.end()) {
      list_push_front(head_, index, by_topic());
      model.insert(model.begin(), index);
    } else {
      list_remove(head_, index, by_topic());
      model.erase(found);
    }
    ASSERT_EQ(contents(), model);
  }
}

using IndexListDeathTest = IndexListTest;

TEST_F(IndexListDeathTest, CatchesARecordThatIsNotInTheList) {
  list_push_front(head_, 0, by_topic());
  EXPECT_DEATH(list_remove(head_, 5, by_topic()), "CHECK failed");
}

TEST_F(IndexListDeathTest, CatchesNeighboursThatDisagree) {
  for (Index i = 0; i < 3; ++i) list_push_front(head_, i, by_topic());
  records_[0].by_topic.previous = 2;
  EXPECT_DEATH(list_remove(head_, 1, by_topic()), "CHECK failed");
  EXPECT_DEATH(list_remove(head_, 0, by_topic()), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::memory
