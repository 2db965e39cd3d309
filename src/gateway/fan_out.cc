// FanOut: one walk over a channel's subscribers, memory asked for ahead of use.
#include "gateway/fan_out.h"

#include <algorithm>
#include <utility>

#include "gateway/framing.h"
#include "gateway/message_writer.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

namespace {

bool positioned(const Subscription& subscription) {
  return (subscription.flags & Subscription::kPositioned) != 0;
}

}  // namespace

void FanOut::take(DeliverLetter&& letter) {
  const Index channel = shard_.subscribers.find_channel(letter.channel);
  if (channel == kNoIndex) return;  // the last subscriber left while it was on its way
  const PublicationReference& publication = letter.publication;
  if (publication->offset() > 0) {
    const Epoch& epoch = shard_.subscribers.channel(channel).epoch;
    if (epoch.empty()) {
      shard_.subscribers.channel(channel).epoch = publication->epoch();
    } else if (epoch != publication->epoch()) {
      change_epoch(channel, publication->epoch());
      if (shard_.subscribers.find_channel(letter.channel) != channel) return;
    }
  }
  shard_.outgoing.flush();
  Delivery delivery{channel, publication, shard_.subscribers.last(channel)};
  shard_.subscribers.for_each_subscriber(channel, [&](Index, Subscription& subscription, Index next_client) {
    if (next_client != kNoIndex) shard_.clients.prefetch(next_client);
    if (accepts(subscription, *publication)) address(subscription, delivery);
    if (addressed_count_ == kAddressedMaximum) send_addressed(delivery);
  });
  send_addressed(delivery);
  encoded_.clear();
  shard_.subscribers.set_last(channel, delivery.deltas_wanted ? publication : PublicationReference());
  end_collected(letter.channel, &publication);
}

bool FanOut::accepts(Subscription& subscription, const Publication& publication) {
  const bool held = (subscription.flags & Subscription::kHeld) != 0;
  if ((subscription.flags & Subscription::kPending) != 0 && !held) return false;
  if ((subscription.flags & Subscription::kGapped) != 0) return false;
  if (positioned(subscription) && publication.offset() > 0) {
    if (publication.offset() <= subscription.position) return false;  // part of its answer
    if (publication.offset() != subscription.position + 1) {
      subscription.flags |= Subscription::kGapped;
      gapped_.push_back(subscription.client);
      return false;
    }
    subscription.position = publication.offset();
  }
  if (held) held_.push_back(subscription.client);
  return !held;
}

void FanOut::address(Subscription& subscription, Delivery& delivery) {
  const Client& client = shard_.clients[subscription.client];
  const Transport transport = client.transport();
  if (transport.encoding == Encoding::json && !delivery.publication->json()) {
    inappropriate_.push_back(subscription.client);
    return;
  }
  client.connection.prefetch();
  std::uint8_t key = transport.form();
  if ((subscription.variant & Variant::kNumericId) != 0) key |= kNumericIdBit;
  if ((subscription.variant & Variant::kDelta) != 0) {
    key |= kDeltaBit;
    delivery.deltas_wanted = true;
    if (delivery.before && (subscription.flags & Subscription::kDeltaReady) != 0) key |= kAsDeltaBit;
    subscription.flags |= Subscription::kDeltaReady;
  }
  addressed_[addressed_count_++] = {client.connection, subscription.client, key};
}

void FanOut::send_addressed(const Delivery& delivery) {
  for (std::size_t i = 0; i < addressed_count_; ++i) {
    Addressed& addressed = addressed_[i];
    const SendResult result = addressed.connection.send(encoded(addressed.key, delivery));
    // Without memory for the message there is a gap. After an overflow the core has ended the connection.
    if (result == SendResult::refused) gapped_.push_back(addressed.client);
  }
  shard_.counters().deliveries.add(addressed_count_);
  addressed_count_ = 0;
}

const SharedMessage& FanOut::encoded(std::uint8_t key, const Delivery& delivery) {
  // One or two as a rule, never more than a few dozen.
  for (const Encoded& entry : encoded_) {
    if (entry.key == key) return entry.message;
  }
  encoded_.push_back({key, encode(key, delivery)});
  shard_.counters().encodings.add();
  return encoded_.back().message;
}

SharedMessage FanOut::encode(std::uint8_t key, const Delivery& delivery) {
  const Transport transport = Transport::unpack(key & kFormBits);
  views_.fill({&delivery.publication, 1}, transport.encoding, (key & kDeltaBit) != 0);
  protocol::Publication view = views_.views().front();
  if ((key & kAsDeltaBit) != 0) {
    delta_.clear();
    fossil_.append_delta(delta_, delivery.before->payload(), delivery.publication->payload());
    if (delta_.size() < view.data.size()) {
      view.data = delta_;
      view.delta = true;
      shard_.counters().deltas.add();
    }
  }
  const LocalChannel& channel = shard_.subscribers.channel(delivery.channel);
  ChannelLabel label{channel.channel(), 0};
  if ((key & kNumericIdBit) != 0) label.id = static_cast<std::int64_t>(channel.numeric_id);
  return encode_push(transport, label, view);
}

template <class Event>
SharedMessage FanOut::encode_push(const Transport& transport, const ChannelLabel& label, const Event& event) {
  frame_.clear();
  if (transport.unidirectional) {
    append_bare_push(transport.encoding, frame_, label, event);
  } else {
    append_push(transport.encoding, frame_, label, event);
  }
  return shard_.handler.share(frame_message(transport, frame_, scratch_));
}

void FanOut::take(MembershipLetter&& letter) {
  const Index channel = shard_.subscribers.find_channel(letter.channel);
  if (channel == kNoIndex) return;
  const Member info = letter.member.view();
  if (letter.joined) {
    push_membership(channel, protocol::Join{info});
  } else {
    push_membership(channel, protocol::Leave{info});
  }
}

// Joins and leaves are told as long as they can be: one that finds no memory is no gap.
template <class Event>
void FanOut::push_membership(Index channel, const Event& event) {
  shard_.outgoing.flush();
  const ChannelLabel label{shard_.subscribers.channel(channel).channel(), 0};
  std::array<SharedMessage, kForms> messages;
  shard_.subscribers.for_each_subscriber(channel, [&](Index, Subscription& subscription, Index next_client) {
    if (next_client != kNoIndex) shard_.clients.prefetch(next_client);
    if ((subscription.flags & Subscription::kJoinLeave) == 0) return;
    if ((subscription.flags & (Subscription::kPending | Subscription::kGapped)) != 0) return;
    Client& client = shard_.clients[subscription.client];
    const Transport transport = client.transport();
    SharedMessage& message = messages[transport.form()];
    if (!message) message = encode_push(transport, label, event);
    client.connection.send(message);
  });
}

// Whoever is not answered yet has missed nothing: the answer says where it stands. One whose answer is held
// back until its connect is complete has.
template <class Missed>
void FanOut::end_who_missed(Index channel, Missed missed) {
  const std::string name(shard_.subscribers.channel(channel).channel());
  shard_.subscribers.for_each_subscriber(channel, [&](Index, Subscription& subscription, Index) {
    constexpr std::uint16_t kWaits = Subscription::kPending | Subscription::kHeld;
    const bool unanswered = (subscription.flags & kWaits) == Subscription::kPending;
    const bool gapped = (subscription.flags & Subscription::kGapped) != 0;
    if (unanswered || gapped || !missed(subscription)) return;
    subscription.flags |= Subscription::kGapped;
    gapped_.push_back(subscription.client);
  });
  end_collected(name, nullptr);
}

void FanOut::change_epoch(Index channel, const Epoch& epoch) {
  shard_.subscribers.channel(channel).epoch = epoch;
  end_who_missed(channel, positioned);
}

// What was published before the answer was written has been delivered before it: whoever stands below the
// top has missed something.
void FanOut::take(PositionAnswerLetter&& letter) {
  const Index channel = shard_.subscribers.find_channel(letter.channel);
  if (channel == kNoIndex) return;
  const Epoch epoch = shard_.subscribers.channel(channel).epoch;
  if (!epoch.empty() && !letter.position.epoch.empty() && epoch != letter.position.epoch) {
    return change_epoch(channel, letter.position.epoch);
  }
  end_who_missed(channel, [top = letter.position.offset](const Subscription& subscription) {
    return positioned(subscription) && subscription.position < top;
  });
}

void FanOut::take(GapLetter&& letter) {
  Index cursor = 0;
  std::vector<std::string> channels;
  do {
    cursor = shard_.subscribers.list("*", cursor, 1u << 30, [&](LocalChannel& channel) {
      if (shard_.home_of(channel.channel()) == letter.home) channels.emplace_back(channel.channel());
    });
  } while (cursor != 0);
  for (const std::string& name : channels) {
    const Index channel = shard_.subscribers.find_channel(name);
    if (channel != kNoIndex) end_who_missed(channel, [](const Subscription&) { return true; });
  }
}

// Called once a second.
void FanOut::check_positions() {
  const auto interval_ms = shard_.settings().client.position_check_interval.count();
  if (interval_ms == 0) return;
  const std::uint32_t channels = shard_.subscribers.channels();
  const auto budget =
      static_cast<std::uint32_t>(std::uint64_t{channels} * 1000 / static_cast<std::uint64_t>(interval_ms)) +
      1;
  check_cursor_ = shard_.subscribers.list("*", check_cursor_, budget, [this](LocalChannel& channel) {
    if (channel.epoch.empty()) return;  // nobody is positioned
    const std::uint32_t home = shard_.home_of(channel.channel());
    if (shard_.post.busy(home)) return;
    to_check_.push_back(std::string(channel.channel()));
  });
  for (std::string& name : std::exchange(to_check_, {})) {
    const std::uint32_t home = shard_.home_of(name);
    shard_.send(home, PositionLetter{shard_.number, std::move(name)});
  }
}

void FanOut::end_collected(std::string_view channel, const PublicationReference* publication) {
  for (const Index client : std::exchange(held_, {})) ends_.hold(client, channel, *publication);
  if (gapped_.empty() && inappropriate_.empty()) return;
  for (const Index client : std::exchange(gapped_, {})) ends_.end_gapped(client, channel);
  for (const Index client : std::exchange(inappropriate_, {})) ends_.end_inappropriate(client);
}

}  // namespace holdfast::gateway
