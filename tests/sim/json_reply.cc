// One reader for each message, with a line for each member.
#include "json_reply.h"

#include <string>
#include <string_view>

namespace holdfast::sim {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// One member that came in, offered to each member that is known: it is taken when the names are the same, and
// good when the value is of its kind.
class Member {
 public:
  Member(std::string_view name, element value) : name_(name), value_(value) {}

  template <class Set>
  bool text(std::string_view name, Set set) {
    return offer<std::string_view>(name, [&set](std::string_view text) { set(std::string(text)); });
  }
  template <class Set>
  bool number(std::string_view name, Set set) {
    return offer<std::uint64_t>(name, set);
  }
  template <class Set>
  bool flag(std::string_view name, Set set) {
    return offer<bool>(name, set);
  }
  template <class Set>
  bool payload(std::string_view name, Set set) {
    if (name != name_) return false;
    set(std::string(simdjson::minify(value_)));
    return true;
  }
  // read(object) -> bool
  template <class Read>
  bool message(std::string_view name, Read read) {
    return offer<object>(name, [this, &read](const object& inner) { good_ = good_ && read(inner); });
  }
  template <class Read>
  bool list(std::string_view name, Read read) {
    return offer<array>(name, [this, &read](const array& elements) {
      for (const element one : elements) {
        object inner;
        good_ = good_ && one.get(inner) == simdjson::SUCCESS && read(inner);
      }
    });
  }
  // read(key, object) -> bool
  template <class Read>
  bool map(std::string_view name, Read read) {
    return offer<object>(name, [this, &read](const object& entries) {
      for (const auto entry : entries) {
        object inner;
        good_ = good_ && entry.value.get(inner) == simdjson::SUCCESS && read(std::string(entry.key), inner);
      }
    });
  }
  bool good() const { return good_; }

 private:
  template <class Value, class Set>
  bool offer(std::string_view name, Set set) {
    if (name != name_) return false;
    Value value;
    if (value_.get(value) == simdjson::SUCCESS) {
      set(value);
    } else {
      good_ = false;
    }
    return true;
  }

  std::string_view name_;
  element value_;
  bool good_ = true;
};

// take(member) -> known
template <class Take>
bool read_members(const object& from, Take take) {
  for (const auto field : from) {
    Member member(field.key, field.value);
    if (!take(member) || !member.good()) return false;
  }
  return true;
}

bool read(const object& from, client::ClientInfo& info) {
  return read_members(from, [&info](Member& member) {
    return member.text("user", [&](std::string user) { info.set_user(user); }) ||
           member.text("client", [&](std::string client) { info.set_client(client); }) ||
           member.payload("conn_info", [&](std::string json) { info.set_conn_info(json); }) ||
           member.payload("chan_info", [&](std::string json) { info.set_chan_info(json); });
  });
}

bool read(const object& from, client::Publication& publication) {
  return read_members(from, [&publication](Member& member) {
    return member.payload("data", [&](std::string json) { publication.set_data(json); }) ||
           member.message("info", [&](object inner) { return read(inner, *publication.mutable_info()); }) ||
           member.number("offset", [&](std::uint64_t offset) { publication.set_offset(offset); }) ||
           member.flag("delta", [&](bool delta) { publication.set_delta(delta); }) ||
           member.number("time",
                         [&](std::uint64_t time) { publication.set_time(static_cast<std::int64_t>(time)); });
  });
}

template <class Result>
bool take_expiry(Member& member, Result& result) {
  return member.flag("expires", [&](bool expires) { result.set_expires(expires); }) ||
         member.number("ttl", [&](std::uint64_t ttl) { result.set_ttl(static_cast<std::uint32_t>(ttl)); });
}

bool read(const object& from, client::SubscribeResult& result) {
  return read_members(from, [&result](Member& member) {
    return take_expiry(member, result) ||
           member.flag("recoverable", [&](bool flag) { result.set_recoverable(flag); }) ||
           member.text("epoch", [&](std::string epoch) { result.set_epoch(epoch); }) ||
           member.list("publications",
                       [&](object inner) { return read(inner, *result.add_publications()); }) ||
           member.flag("recovered", [&](bool flag) { result.set_recovered(flag); }) ||
           member.number("offset", [&](std::uint64_t offset) { result.set_offset(offset); }) ||
           member.flag("positioned", [&](bool flag) { result.set_positioned(flag); }) ||
           member.payload("data", [&](std::string json) { result.set_data(json); }) ||
           member.flag("was_recovering", [&](bool flag) { result.set_was_recovering(flag); }) ||
           member.flag("delta", [&](bool flag) { result.set_delta(flag); });
  });
}

// Client::ConnectResult or client::Connected, which say the same.
template <class Result>
bool read_connect(const object& from, Result& result) {
  return read_members(from, [&result](Member& member) {
    return member.text("client", [&](std::string client) { result.set_client(client); }) ||
           member.text("version", [&](std::string version) { result.set_version(version); }) ||
           take_expiry(member, result) ||
           member.map("subs", [&](const std::string& channel,
                                  object inner) { return read(inner, (*result.mutable_subs())[channel]); }) ||
           member.number(
               "ping",
               [&](std::uint64_t seconds) { result.set_ping(static_cast<std::uint32_t>(seconds)); }) ||
           member.flag("pong", [&](bool flag) { result.set_pong(flag); }) ||
           member.text("session", [&](std::string session) { result.set_session(session); }) ||
           member.text("node", [&](std::string node) { result.set_node(node); });
  });
}

bool read(const object& from, client::RefreshResult& result) {
  return read_members(from, [&result](Member& member) {
    return member.text("client", [&](std::string client) { result.set_client(client); }) ||
           member.text("version", [&](std::string version) { result.set_version(version); }) ||
           take_expiry(member, result);
  });
}

bool read(const object& from, client::HistoryResult& result) {
  return read_members(from, [&result](Member& member) {
    return member.list("publications",
                       [&](object inner) { return read(inner, *result.add_publications()); }) ||
           member.text("epoch", [&](std::string epoch) { result.set_epoch(epoch); }) ||
           member.number("offset", [&](std::uint64_t offset) { result.set_offset(offset); });
  });
}

bool read(const object& from, client::PresenceResult& result) {
  return read_members(from, [&result](Member& member) {
    return member.map("presence", [&](const std::string& client, object inner) {
      return read(inner, (*result.mutable_presence())[client]);
    });
  });
}

bool read(const object& from, client::PresenceStatsResult& result) {
  return read_members(from, [&result](Member& member) {
    return member.number("num_clients", [&](std::uint64_t number) {
      result.set_num_clients(static_cast<std::uint32_t>(number));
    }) || member.number("num_users", [&](std::uint64_t number) {
      result.set_num_users(static_cast<std::uint32_t>(number));
    });
  });
}

// Error and the ends of a subscription and of a connection: a number and its words.
template <class Reason>
bool take_code(Member& member, Reason& reason) {
  return member.number("code",
                       [&](std::uint64_t code) { reason.set_code(static_cast<std::uint32_t>(code)); });
}

bool read(const object& from, client::Error& error) {
  return read_members(from, [&error](Member& member) {
    return take_code(member, error) ||
           member.text("message", [&](std::string text) { error.set_message(text); }) ||
           member.flag("temporary", [&](bool flag) { error.set_temporary(flag); });
  });
}

template <class Reason>
bool read_end(const object& from, Reason& reason) {
  return read_members(from, [&reason](Member& member) {
    return take_code(member, reason) ||
           member.text("reason", [&](std::string text) { reason.set_reason(text); });
  });
}

bool read(const object& from, client::Presence& membership) {
  return read_members(from, [&membership](Member& member) {
    return member.message("info", [&](object inner) { return read(inner, *membership.mutable_info()); });
  });
}

bool read(const object& from, client::Subscribed& subscribed) {
  return read_members(from, [&subscribed](Member& member) {
    return member.flag("recoverable", [&](bool flag) { subscribed.set_recoverable(flag); }) ||
           member.text("epoch", [&](std::string epoch) { subscribed.set_epoch(epoch); }) ||
           member.number("offset", [&](std::uint64_t offset) { subscribed.set_offset(offset); }) ||
           member.flag("positioned", [&](bool flag) { subscribed.set_positioned(flag); }) ||
           member.payload("data", [&](std::string json) { subscribed.set_data(json); });
  });
}

bool read(const object& from, client::Refreshed& refreshed) {
  return read_members(from, [&refreshed](Member& member) { return take_expiry(member, refreshed); });
}

bool read_empty(const object& from) {
  return from.size() == 0;
}

// The results with a single member that is more than a number.
bool take_result(Member& member, client::ServerReply& reply) {
  return member.message("unsubscribe", [&](object inner) {
    reply.mutable_unsubscribe();
    return read_empty(inner);
  }) || member.message("publish", [&](object inner) {
    reply.mutable_publish();
    return read_empty(inner);
  }) || member.message("rpc", [&](object inner) {
    client::RpcResult& result = *reply.mutable_rpc();
    return read_members(inner, [&result](Member& field) {
      return field.payload("data", [&](std::string json) { result.set_data(json); });
    });
  }) || member.message("sub_refresh", [&](object inner) {
    client::SubRefreshResult& result = *reply.mutable_sub_refresh();
    return read_members(inner, [&result](Member& field) { return take_expiry(field, result); });
  });
}

}  // namespace

bool read_push(const object& from, client::Push& push) {
  return read_members(from, [&push](Member& member) {
    return member.number("id", [&](std::uint64_t id) { push.set_id(static_cast<std::int64_t>(id)); }) ||
           member.text("channel", [&](std::string channel) { push.set_channel(channel); }) ||
           member.message("pub", [&](object inner) { return read(inner, *push.mutable_pub()); }) ||
           member.message("join", [&](object inner) { return read(inner, *push.mutable_join()); }) ||
           member.message("leave", [&](object inner) { return read(inner, *push.mutable_leave()); }) ||
           member.message("unsubscribe",
                          [&](object inner) { return read_end(inner, *push.mutable_unsubscribe()); }) ||
           member.message("subscribe",
                          [&](object inner) { return read(inner, *push.mutable_subscribe()); }) ||
           member.message("connect",
                          [&](object inner) { return read_connect(inner, *push.mutable_connect()); }) ||
           member.message("disconnect",
                          [&](object inner) { return read_end(inner, *push.mutable_disconnect()); }) ||
           member.message("refresh", [&](object inner) { return read(inner, *push.mutable_refresh()); });
  });
}

bool read_reply(const object& from, client::ServerReply& reply) {
  return read_members(from, [&reply](Member& member) {
    return member.number("id", [&](std::uint64_t id) { reply.set_id(static_cast<std::uint32_t>(id)); }) ||
           member.message("error", [&](object inner) { return read(inner, *reply.mutable_error()); }) ||
           member.message("push", [&](object inner) { return read_push(inner, *reply.mutable_push()); }) ||
           member.message("connect",
                          [&](object inner) { return read_connect(inner, *reply.mutable_connect()); }) ||
           member.message("subscribe",
                          [&](object inner) { return read(inner, *reply.mutable_subscribe()); }) ||
           member.message("presence", [&](object inner) { return read(inner, *reply.mutable_presence()); }) ||
           member.message("presence_stats",
                          [&](object inner) { return read(inner, *reply.mutable_presence_stats()); }) ||
           member.message("history", [&](object inner) { return read(inner, *reply.mutable_history()); }) ||
           member.message("refresh", [&](object inner) { return read(inner, *reply.mutable_refresh()); }) ||
           take_result(member, reply);
  });
}

}  // namespace holdfast::sim
