// What messages consist of, said once for both encodings: name for JSON, number for Protobuf. Internal to
// the writer.
//
// put(out, message) gives an Out each field. Its operations leave zero values out, but for those named
// always_: text, payload (raw), number, integer, flag, message (always), list, map. Fields stand in the order
// of their numbers, as Protobuf writers have it; where JSON is known in another order, that is kept for it.
#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/encoding.h"
#include "gateway/member.h"
#include "gateway/messages.h"

namespace holdfast::gateway::protocol {

// The protocol's ClientInfo.
template <class Out>
void put(Out& out, const Member& info) {
  if constexpr (Out::kEncoding == Encoding::json) {
    out.always_text("client", info.client);
    out.always_text("user", info.user);
  } else {
    out.text("user", 1, info.user);
    out.text("client", 2, info.client);
  }
  out.payload("conn_info", 3, info.conn_info);
  out.payload("chan_info", 4, info.chan_info);
}

template <class Out>
void put(Out& out, const Publication& publication) {
  if constexpr (Out::kEncoding == Encoding::json) {
    if (publication.data_as_text) {
      out.text("data", 4, publication.data);
    } else {
      out.payload("data", 4, publication.data);
    }
  } else {
    out.payload("data", 4, publication.data);
  }
  if (publication.info != nullptr) out.message("info", 5, *publication.info);
  out.number("offset", 6, publication.offset);
  out.map("tags", 7, publication.tags);
  out.flag("delta", 8, publication.delta);
  out.integer("time", 9, publication.time_ms);
}

template <class Out>
void put(Out& out, const Error& error) {
  out.number("code", 1, error.code);
  out.text("message", 2, error.message);
  out.flag("temporary", 3, error.temporary);
}

template <class Out>
void put(Out& out, const SubscribeResult& result) {
  out.flag("expires", 1, result.expires);
  out.number("ttl", 2, result.ttl_s);
  out.flag("recoverable", 3, result.recoverable);
  if constexpr (Out::kEncoding == Encoding::json) {
    out.flag("positioned", 10, result.positioned);
    out.text("epoch", 6, result.epoch);
    out.number("offset", 9, result.offset);
    out.integer("id", 14, result.id);
    out.flag("was_recovering", 12, result.was_recovering);
    out.flag("recovered", 8, result.recovered);
    out.list("publications", 7, result.publications);
    out.payload("data", 11, result.data);
    out.flag("delta", 13, result.delta);
  } else {
    out.text("epoch", 6, result.epoch);
    out.list("publications", 7, result.publications);
    out.flag("recovered", 8, result.recovered);
    out.number("offset", 9, result.offset);
    out.flag("positioned", 10, result.positioned);
    out.payload("data", 11, result.data);
    out.flag("was_recovering", 12, result.was_recovering);
    out.flag("delta", 13, result.delta);
    out.integer("id", 14, result.id);
  }
}

template <class Out>
void put(Out& out, const ConnectResult& result) {
  out.text("client", 1, result.client);
  out.text("version", 2, result.version);
  if constexpr (Out::kEncoding == Encoding::json) {
    out.number("ping", 7, result.ping_s);
    out.flag("pong", 8, result.pong);
  }
  out.flag("expires", 3, result.expires);
  out.number("ttl", 4, result.ttl_s);
  out.payload("data", 5, result.data);
  out.map("subs", 6, result.subs);
  if constexpr (Out::kEncoding == Encoding::protobuf) {
    out.number("ping", 7, result.ping_s);
    out.flag("pong", 8, result.pong);
  }
  out.text("session", 9, result.session);
  out.text("node", 10, result.node);
  out.integer("time", 11, result.time_ms);
}

template <class Out>
void put(Out& out, const Connect& connect) {
  const ConnectResult& result = connect.result;
  if constexpr (Out::kEncoding == Encoding::json) {
    put(out, result);
  } else {
    out.text("client", 1, result.client);
    out.text("version", 2, result.version);
    out.payload("data", 3, result.data);
    out.map("subs", 4, result.subs);
    out.flag("expires", 5, result.expires);
    out.number("ttl", 6, result.ttl_s);
    out.number("ping", 7, result.ping_s);
    out.flag("pong", 8, result.pong);
    out.text("session", 9, result.session);
    out.text("node", 10, result.node);
    out.integer("time", 11, result.time_ms);
  }
}

template <class Out>
void put(Out& /*out*/, const UnsubscribeResult& /*result*/) {}

template <class Out>
void put(Out& /*out*/, const PublishResult& /*result*/) {}

template <class Out>
void put(Out& out, const PresenceResult& result) {
  out.map("presence", 1, result.presence);
}

template <class Out>
void put(Out& out, const PresenceStatsResult& result) {
  out.number("num_clients", 1, result.num_clients);
  out.number("num_users", 2, result.num_users);
}

template <class Out>
void put(Out& out, const HistoryResult& result) {
  out.list("publications", 1, result.publications);
  out.text("epoch", 2, result.epoch);
  out.number("offset", 3, result.offset);
}

template <class Out>
void put(Out& out, const RpcResult& result) {
  out.payload("data", 1, result.data);
}

template <class Out>
void put(Out& out, const RefreshResult& result) {
  out.text("client", 1, result.client);
  out.text("version", 2, result.version);
  out.flag("expires", 3, result.expires);
  out.number("ttl", 4, result.ttl_s);
}

template <class Out>
void put(Out& out, const SubRefreshResult& result) {
  out.flag("expires", 1, result.expires);
  out.number("ttl", 2, result.ttl_s);
}

template <class Out>
void put(Out& out, const Join& join) {
  out.message("info", 1, join.info);
}

template <class Out>
void put(Out& out, const Leave& leave) {
  out.message("info", 1, leave.info);
}

template <class Out>
void put(Out& out, const Unsubscribe& unsubscribe) {
  out.number("code", 2, unsubscribe.code);
  out.text("reason", 3, unsubscribe.reason);
}

template <class Out>
void put(Out& out, const Subscribe& subscribe) {
  out.flag("recoverable", 1, subscribe.recoverable);
  out.text("epoch", 4, subscribe.epoch);
  out.number("offset", 5, subscribe.offset);
  out.flag("positioned", 6, subscribe.positioned);
  out.payload("data", 7, subscribe.data);
}

template <class Out>
void put(Out& out, const Message& message) {
  out.payload("data", 1, message.data);
}

template <class Out>
void put(Out& out, const Disconnect& disconnect) {
  out.number("code", 1, disconnect.code);
  out.text("reason", 2, disconnect.reason);
  out.flag("reconnect", 3, disconnect.reconnect);
}

template <class Out>
void put(Out& out, const Refresh& refresh) {
  out.flag("expires", 1, refresh.expires);
  out.number("ttl", 2, refresh.ttl_s);
}

}  // namespace holdfast::gateway::protocol
