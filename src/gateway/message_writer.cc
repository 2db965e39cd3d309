// The envelopes: Reply with its result, its error or its push, and Push with its event.
#include "gateway/message_writer.h"

#include "gateway/message_out.h"

namespace holdfast::gateway {
namespace protocol {
namespace {

// Name and number of the field that carries a message, in Reply or in Push.
struct Field {
  std::string_view name;
  std::uint32_t number;
};

template <class Result>
constexpr Field kReplyField{};
template <>
constexpr Field kReplyField<Error>{"error", 2};
template <>
constexpr Field kReplyField<ConnectResult>{"connect", 5};
template <>
constexpr Field kReplyField<SubscribeResult>{"subscribe", 6};
template <>
constexpr Field kReplyField<UnsubscribeResult>{"unsubscribe", 7};
template <>
constexpr Field kReplyField<PublishResult>{"publish", 8};
template <>
constexpr Field kReplyField<PresenceResult>{"presence", 9};
template <>
constexpr Field kReplyField<PresenceStatsResult>{"presence_stats", 10};
template <>
constexpr Field kReplyField<HistoryResult>{"history", 11};
template <>
constexpr Field kReplyField<RpcResult>{"rpc", 13};
template <>
constexpr Field kReplyField<RefreshResult>{"refresh", 14};
template <>
constexpr Field kReplyField<SubRefreshResult>{"sub_refresh", 15};

template <class Event>
constexpr Field kPushField{};
template <>
constexpr Field kPushField<Publication>{"pub", 4};
template <>
constexpr Field kPushField<Join>{"join", 5};
template <>
constexpr Field kPushField<Leave>{"leave", 6};
template <>
constexpr Field kPushField<Unsubscribe>{"unsubscribe", 7};
template <>
constexpr Field kPushField<Message>{"message", 8};
template <>
constexpr Field kPushField<Subscribe>{"subscribe", 9};
template <>
constexpr Field kPushField<Connect>{"connect", 10};
template <>
constexpr Field kPushField<Disconnect>{"disconnect", 11};
template <>
constexpr Field kPushField<Refresh>{"refresh", 12};

template <class Result>
struct Reply {
  std::uint32_t id;
  const Result& result;
};

template <class Event>
struct Push {
  const ChannelLabel& channel;
  const Event& event;
};

template <class Event>
struct PushReply {
  Push<Event> push;
};

struct Ping {};

template <class Out, class Result>
void put(Out& out, const Reply<Result>& reply) {
  constexpr Field kField = kReplyField<Result>;
  static_assert(kField.number != 0, "not a result");
  out.number("id", 1, reply.id);
  out.message(kField.name, kField.number, reply.result);
}

template <class Out, class Event>
void put(Out& out, const Push<Event>& push) {
  constexpr Field kField = kPushField<Event>;
  static_assert(kField.number != 0, "not a push");
  if (push.channel.id != 0) {
    out.integer("id", 1, push.channel.id);
  } else {
    out.text("channel", 2, push.channel.name);
  }
  out.message(kField.name, kField.number, push.event);
}

template <class Out, class Event>
void put(Out& out, const PushReply<Event>& reply) {
  out.message("push", 4, reply.push);
}

template <class Out>
void put(Out& /*out*/, const Ping& /*ping*/) {}

template <class Envelope>
void append(Encoding encoding, std::string& frame, const Envelope& envelope) {
  if (encoding == Encoding::json) {
    if (!frame.empty()) frame.push_back('\n');
    JsonOut(frame).value(envelope);
  } else {
    WritingSink sink{frame};
    sink.varint(protobuf_size(envelope));
    ProtobufOut<WritingSink> out(sink);
    put(out, envelope);
  }
}

}  // namespace
}  // namespace protocol

template <class Result>
void append_reply(Encoding encoding, std::string& frame, std::uint32_t id, const Result& result) {
  append(encoding, frame, protocol::Reply<Result>{id, result});
}

void append_error(Encoding encoding, std::string& frame, std::uint32_t id, const protocol::Error& error) {
  append_reply(encoding, frame, id, error);
}

void append_error(Encoding encoding, std::string& frame, std::uint32_t id, ErrorCode code) {
  append_error(encoding, frame, id,
               protocol::Error{static_cast<std::uint32_t>(code), message_of(code), temporary(code)});
}

template <class Event>
void append_push(Encoding encoding, std::string& frame, const ChannelLabel& channel, const Event& event) {
  append(encoding, frame, protocol::PushReply<Event>{{channel, event}});
}

template <class Event>
void append_bare_push(Encoding encoding, std::string& frame, const ChannelLabel& channel,
                      const Event& event) {
  append(encoding, frame, protocol::Push<Event>{channel, event});
}

void append_ping(Encoding encoding, std::string& frame) {
  append(encoding, frame, protocol::Ping{});
}

void append_written(Encoding encoding, std::string& frame, std::string_view messages) {
  if (encoding == Encoding::json && !frame.empty()) frame.push_back('\n');
  frame.append(messages);
}

template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::ConnectResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::SubscribeResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::UnsubscribeResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::PublishResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::PresenceResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::PresenceStatsResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::HistoryResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::RpcResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::RefreshResult&);
template void append_reply(Encoding, std::string&, std::uint32_t, const protocol::SubRefreshResult&);

template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Publication&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Join&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Leave&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Unsubscribe&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Subscribe&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Message&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Connect&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Disconnect&);
template void append_push(Encoding, std::string&, const ChannelLabel&, const protocol::Refresh&);

template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Publication&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Join&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Leave&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Unsubscribe&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Subscribe&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Message&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Connect&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Disconnect&);
template void append_bare_push(Encoding, std::string&, const ChannelLabel&, const protocol::Refresh&);

}  // namespace holdfast::gateway
