// Topics and what travels between shards: publications to their home and from there to every shard with
// subscribers (rule R13), interest, and what other threads ask for.
#include "base/check.h"
#include "holdfast/server.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;

namespace {

constexpr std::uint32_t kWakeKey = 1;
constexpr std::uint32_t kWakeFailedKey = 2;

Message message_of(const Letter& letter) {
  return {static_cast<MessageType>(letter.message_type), letter.payload};
}

}  // namespace

bool Shard::subscribe(Index index, std::uint32_t generation, std::string_view topic) {
  net::Slot* slot = table_.find(index, generation);
  if (slot == nullptr || slot->state() != State::open || !hub::valid_topic_name(topic)) return false;
  const hub::Topics::Added added = topics_.subscribe(index, slot->subscriptions, topic);
  if (added == hub::Topics::Added::yes_first) announce_interest(topic, true);
  return added != hub::Topics::Added::no;
}

bool Shard::unsubscribe(Index index, std::uint32_t generation, std::string_view topic) {
  net::Slot* slot = table_.find(index, generation);
  if (slot == nullptr || !hub::valid_topic_name(topic)) return false;
  const hub::Topics::Removed removed = topics_.unsubscribe(slot->subscriptions, topic);
  if (removed == hub::Topics::Removed::yes_last) announce_interest(topic, false);
  return removed != hub::Topics::Removed::no;
}

void Shard::leave_topics(net::Slot& slot) {
  topics_.unsubscribe_all(slot.subscriptions,
                          [this](std::string_view topic) { announce_interest(topic, false); });
}

bool Shard::publish(std::string_view topic, const Message& message) {
  CHECK(hub::valid_topic_name(topic));
  if (options_.shards == 1) {
    deliver(topic, message);
    return true;
  }
  const std::uint32_t home = hub::home_of(options_.topic_key, topic, options_.shards);
  return push_request(home, publish_letter(topic, message));
}

void Shard::read_mailboxes() {
  Neighbour& self = neighbour();
  // Cleared before reading: whoever pushes after this read wakes us again.
  self.wake_pending.store(false);
  std::uint32_t budget = Limits::kLettersPerTurn;
  // What is published goes out at the end of the turn, and until then takes a place in each subscriber's
  // outbox: when few are left the other letters wait for it, but never all of them.
  const auto spent = [&] {
    const bool few_places = outbox_.nodes_used() > options_.sizes.outbox_nodes / 4 * 3;
    return budget == 0 || (few_places && budget < Limits::kLettersPerTurn);
  };
  letters_left_ = !self.deliveries.drain([&](const Letter& letter) {
    if (spent()) return false;
    --budget;
    take_delivery(letter);
    return true;
  });
  retry_interest();
  bool out_of_budget = false;
  self.requests.drain([&](const Letter& letter) {
    if (spent()) {
      out_of_budget = true;
      return false;
    }
    --budget;
    return take_request(letter);
  });
  letters_left_ = letters_left_ || out_of_budget;
}

// False when the letter has to wait: a neighbour's mailbox is full.
bool Shard::take_request(const Letter& letter) {
  const auto slot_of = [](std::uint64_t id) { return static_cast<Index>(id & 0xff'ffff); };
  const auto generation_of = [](std::uint64_t id) {
    return static_cast<std::uint32_t>(id >> 24 & 0xff'ffff);
  };
  switch (letter.kind) {
    case LetterKind::publish:
      return forward(letter);
    case LetterKind::interest:
      return take_interest(letter);
    case LetterKind::send:
      send(slot_of(letter.first), generation_of(letter.first), message_of(letter));
      return true;
    case LetterKind::close:
      close(slot_of(letter.first), generation_of(letter.first), static_cast<std::uint16_t>(letter.second),
            {reinterpret_cast<const char*>(letter.payload.data()), letter.payload.size()});
      return true;
    case LetterKind::task: {
      const std::unique_ptr<Server::Task> task(reinterpret_cast<Server::Task*>(letter.first));
      (*task)(*handler_);
      return true;
    }
    case LetterKind::deliver:
    case LetterKind::forgotten:
    case LetterKind::padding:
      break;
  }
  CHECK(false);
  return true;
}

// The end of an interest is answered among the deliveries, behind those it had caused.
bool Shard::take_interest(const Letter& letter) {
  const auto shard = static_cast<std::uint32_t>(letter.first);
  const auto interest = static_cast<Interest>(letter.second);
  homes_.set_interest(letter.topic, shard, interest == Interest::present);
  if (interest != Interest::none) return true;
  Letter answer;
  answer.kind = LetterKind::forgotten;
  answer.topic = letter.topic;
  answer_stalled_ = !push_to(shard, true, answer);
  return !answer_stalled_;
}

void Shard::take_delivery(const Letter& letter) {
  if (letter.kind == LetterKind::forgotten) return stop_forgetting(letter.topic);
  CHECK(letter.kind == LetterKind::deliver);
  if (forgetting_.empty() || !forgetting_.contains(letter.topic)) deliver(letter.topic, message_of(letter));
}

void Shard::stop_forgetting(std::string_view topic) {
  const auto found = forgetting_.find(topic);
  CHECK(found != forgetting_.end());
  if (--found->second == 0) forgetting_.erase(found);
}

// What nobody will look at any more. Tasks may hold SharedMessages, which end on this thread only.
void Shard::drop_requests() {
  neighbour().requests.drain([](const Letter& letter) {
    if (letter.kind == LetterKind::task) delete reinterpret_cast<Server::Task*>(letter.first);
    return true;
  });
}

// One publication to every shard with subscribers, before the next one is looked at: that is the topic's
// order.
bool Shard::forward(const Letter& letter) {
  if (options_.shards == 1) {
    deliver(letter.topic, message_of(letter));
    return true;
  }
  if (!forward_stalled_) forward_left_ = homes_.interested(letter.topic);
  Letter delivery = letter;
  delivery.kind = LetterKind::deliver;
  hub::ShardSet left;
  forward_left_.for_each([&](std::uint32_t shard) {
    if (shard == options_.number) {
      deliver(letter.topic, message_of(letter));
    } else if (!push_to(shard, true, delivery)) {
      left.insert(shard);
    }
  });
  forward_left_ = left;
  forward_stalled_ = !left.empty();
  return !forward_stalled_;
}

// Encoded once per framing, referenced by every subscriber's outbox. HTTP connections get the bytes as they
// are. Calls no handler (rule R11).
void Shard::deliver(std::string_view topic, const Message& message) {
  std::array<Index, kProtocols> frames;
  frames.fill(kNoIndex);
  std::uint64_t delivered = 0;
  topics_.for_each_subscriber(topic, [&](Index index, Index next) {
    if (next != kNoIndex) table_.prefetch(next);
    net::Slot& slot = table_[index];
    if (slot.state() != State::open) return;
    if (says_nothing(slot.protocol(), message.bytes)) return;
    Index& frame = frames[static_cast<std::size_t>(slot.protocol())];
    if (frame == kNoIndex) frame = encode(slot.protocol(), message.type, message.bytes);
    if (frame == kNoIndex) {
      // Without memory for the message its subscribers would have a gap: they are dropped and can come back
      // (rule R10).
      counters_.memory_refusals.add();
      return drop(index, ws::kTryAgainLater);
    }
    frames_.retain(frame);
    if (taken(enqueue(index, slot, frame))) ++delivered;
  });
  counters_.messages_out.add(delivered);
  for (Index frame : frames) {
    if (frame != kNoIndex) frames_.release(frame);
  }
}

bool Shard::push_request(std::uint32_t shard, const Letter& letter) {
  if (push_to(shard, false, letter)) return true;
  counters_.mailbox_refusals.add();
  return false;
}

bool Shard::push_to(std::uint32_t shard, bool delivery, const Letter& letter) {
  Neighbour& neighbour = *(*options_.neighbours)[shard];
  if (!(delivery ? neighbour.deliveries : neighbour.requests).push(letter)) return false;
  wake(shard);
  return true;
}

void Shard::wake(std::uint32_t shard) {
  if (shard == options_.number) {
    letters_left_ = true;
    return;
  }
  Neighbour& neighbour = *(*options_.neighbours)[shard];
  if (neighbour.wake_pending.exchange(true)) return;
  ring_->wake(neighbour.ring_descriptor, ring::Tag{ring::Op::wake, kWakeKey, options_.number},
              ring::Tag{ring::Op::wake, kWakeFailedKey, shard});
}

Letter Shard::interest_letter(std::string_view topic, bool interested) const {
  Letter letter;
  letter.kind = LetterKind::interest;
  letter.first = options_.number;
  const Interest ended = stopping_ ? Interest::none_ever : Interest::none;
  letter.second = static_cast<std::uint64_t>(interested ? Interest::present : ended);
  letter.topic = topic;
  return letter;
}

void Shard::announce_interest(std::string_view topic, bool interested) {
  if (options_.shards == 1) return;
  const std::uint32_t home = hub::home_of(options_.topic_key, topic, options_.shards);
  if (home == options_.number) return homes_.set_interest(topic, home, interested);
  const Letter letter = interest_letter(topic, interested);
  // A later announcement must not overtake one that is waiting: together they come to nothing, or the home
  // would be told what it knows. So what waits is bounded by the topics there are and were, whatever clients
  // do.
  if (const auto waiting = interest_retries_.find(topic); waiting != interest_retries_.end()) {
    CHECK(waiting->second != interested);
    interest_retries_.erase(waiting);
    if (interested) stop_forgetting(topic);
    return;
  }
  if (!interested) ++forgetting_[std::string(topic)];
  if (!push_to(home, false, letter)) interest_retries_.emplace(std::string(topic), interested);
}

void Shard::retry_interest() {
  for (auto retry = interest_retries_.begin(); retry != interest_retries_.end();) {
    const auto& [topic, interested] = *retry;
    const std::uint32_t home = hub::home_of(options_.topic_key, topic, options_.shards);
    if (!push_to(home, false, interest_letter(topic, interested))) return;
    interest_retries_.erase(retry++);
  }
}

}  // namespace holdfast::shard
