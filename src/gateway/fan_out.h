// FanOut: what a channel's home has decided, to the channel's subscribers on this shard.
//
// A publication is encoded at most once for each form somebody wants it in, and queued by reference: nothing
// is allocated per subscriber. Subscribers are served gap-free or not at all (rule R10): whoever has missed
// something is collected while sending and ended afterwards (rule R11). Shard thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/fossil.h"
#include "gateway/publication_views.h"
#include "gateway/shard_state.h"
#include "holdfast/shared_message.h"

namespace holdfast::gateway {

// What fan-out asks of the sessions.
class SubscriptionEnds {
 public:
  virtual ~SubscriptionEnds() = default;
  // The client's subscription to the channel has missed something.
  virtual void end_gapped(memory::Index client, std::string_view channel) = 0;
  // A payload that is no JSON came to a client that must have JSON.
  virtual void end_inappropriate(memory::Index client) = 0;
  // A publication for a subscription whose connect is not answered yet (Subscription::kHeld).
  virtual void hold(memory::Index client, std::string_view channel,
                    const PublicationReference& publication) = 0;
};

class FanOut {
 public:
  FanOut(ShardState& shard, SubscriptionEnds& ends) : shard_(shard), ends_(ends) {}

  void take(DeliverLetter&& letter);
  void take(MembershipLetter&& letter);
  void take(PositionAnswerLetter&& letter);
  void take(GapLetter&& letter);

  // The subscribers of a channel are in another stream from now on: those positioned in the one before have a
  // gap.
  void change_epoch(memory::Index channel, const Epoch& epoch);
  // Part of the channels of this shard, so that each is asked about once in position_check_interval.
  void check_positions();

 private:
  // In which bytes a subscriber gets it: the form of its transport, and these bits.
  static constexpr std::uint8_t kFormBits = 0x0f;
  static constexpr std::uint8_t kDeltaBit = 0x10;      // negotiated
  static constexpr std::uint8_t kNumericIdBit = 0x20;  // the channel's number instead of its name
  static constexpr std::uint8_t kAsDeltaBit = 0x40;    // this one is a delta
  struct Encoded {
    std::uint8_t key;
    SharedMessage message;
  };
  // Subscribers whose memory has been asked for, about to be sent to.
  struct Addressed {
    Connection connection;
    memory::Index client;
    std::uint8_t key;
  };
  static constexpr std::size_t kAddressedMaximum = 32;
  // What is being delivered.
  struct Delivery {
    memory::Index channel;
    const PublicationReference& publication;
    PublicationReference before;  // what a delta refers to
    bool deltas_wanted = false;
  };

  // Is it the subscription's turn to get this publication?
  bool accepts(Subscription& subscription, const Publication& publication);
  void address(Subscription& subscription, Delivery& delivery);
  void send_addressed(const Delivery& delivery);
  const SharedMessage& encoded(std::uint8_t key, const Delivery& delivery);
  SharedMessage encode(std::uint8_t key, const Delivery& delivery);
  // A message for those subscribers of a channel that want joins and leaves.
  template <class Event>
  void push_membership(memory::Index channel, const Event& event);
  template <class Event>
  SharedMessage encode_push(const Transport& transport, const ChannelLabel& label, const Event& event);
  // Ends those subscriptions of a channel of which missed(subscription) is true.
  template <class Missed>
  void end_who_missed(memory::Index channel, Missed missed);
  void end_collected(std::string_view channel, const PublicationReference* publication);

  ShardState& shard_;
  SubscriptionEnds& ends_;
  std::vector<Encoded> encoded_;
  std::array<Addressed, kAddressedMaximum> addressed_;
  std::size_t addressed_count_ = 0;
  // Clients something has to be done about when all have been sent to.
  std::vector<memory::Index> gapped_;
  std::vector<memory::Index> inappropriate_;
  std::vector<memory::Index> held_;
  memory::Index check_cursor_ = 0;
  std::vector<std::string> to_check_;
  PublicationViews views_;
  FossilEncoder fossil_;
  std::string frame_;
  std::string scratch_;
  std::string delta_;
};

}  // namespace holdfast::gateway
