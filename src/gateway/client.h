// Client: what the gateway keeps per connection, and how messages to it are framed.
//
// 64 bytes in a bounded pool; Connection::word() is its index plus one. Claims of the token, connect data and
// names are not kept. Shard thread only.
#pragma once

#include <cstdint>
#include <type_traits>

#include "gateway/encoding.h"
#include "holdfast/connection.h"
#include "memory/index.h"
#include "memory/index_list.h"
#include "time/wheel.h"

namespace holdfast::gateway {

enum class Framing : std::uint8_t {
  websocket,     // a frame is a WebSocket message: text for JSON, binary for Protobuf
  event_stream,  // text/event-stream in HTTP chunks: an event for each message. JSON only.
  http_stream,   // HTTP chunks: JSON messages end in LF, Protobuf ones have their length in front
};

struct Transport {
  Encoding encoding = Encoding::json;
  Framing framing = Framing::websocket;
  bool unidirectional = false;
  bool frame_pings = false;  // the client wants WebSocket's own pings (cf_ws_frame_ping_pong)

  // 0 to 15, without `frame_pings`: messages are the same for all that have the same form.
  std::uint8_t form() const {
    return static_cast<std::uint8_t>(static_cast<unsigned>(encoding) | static_cast<unsigned>(framing) << 1 |
                                     (unidirectional ? 8u : 0u));
  }
  std::uint8_t packed() const { return static_cast<std::uint8_t>(form() | (frame_pings ? 16u : 0u)); }
  static Transport unpack(std::uint8_t packed) {
    return {static_cast<Encoding>(packed & 1), static_cast<Framing>((packed >> 1) & 3), (packed & 8) != 0,
            (packed & 16) != 0};
  }
  friend bool operator==(const Transport&, const Transport&) = default;
};
inline constexpr unsigned kForms = 16;

struct Client {
  enum class State : std::uint8_t {
    free,        // a record nobody has
    waiting,     // for its connect
    connecting,  // connect is being answered: server-side subscriptions are on their way
    connected,
    refused,  // connect was answered with an error: whatever follows closes it
    ended,    // its close is on the way: nothing of it is left but this record
  };
  static constexpr std::uint16_t kPongDue = 1;      // a ping was sent and not answered
  static constexpr std::uint16_t kAsksPong = 2;     // its pings are to be answered
  static constexpr std::uint16_t kInfo = 4;         // `info` counts
  static constexpr std::uint16_t kCountedUser = 8;  // counted for max_connections_per_user

  Connection connection;          // 16
  time::TimerLink timer;          // 12: the earliest of its deadlines
  memory::Index user;             // 4: in Users; kNoIndex: anonymous
  memory::ListLink by_user;       // 8: the other connections of the user
  memory::Index subscriptions;    // 4: its list in Subscribers
  std::uint32_t expires_s;        // 4: wall clock; 0: never
  time::Tick pinged_at;           // 4: for the last time; before the first: when it had connected
  memory::Index info;             // 4: conn_info, in Texts
  std::uint16_t ping_interval_s;  // 2: as it was told; 0: none
  std::uint16_t flags;            // 2
  State state;                    // 1
  std::uint8_t packed_transport;  // 1
  std::uint16_t expiring;         // 2: its subscriptions with kExpires

  bool is(std::uint16_t flag) const { return (flags & flag) != 0; }
  Transport transport() const { return Transport::unpack(packed_transport); }
  Encoding encoding() const { return transport().encoding; }
  // Of its socket: neighbours there are neighbours in the kernel, too.
  memory::Index slot() const { return static_cast<memory::Index>(connection.id().value & 0xff'ffff); }
};
static_assert(sizeof(Client) == 64, "byte budget: one client of the gateway");
static_assert(std::is_trivially_copyable_v<Client>);

// Names a client in letters: one whose connection has gone is not found again.
struct ClientReference {
  memory::Index client = memory::kNoIndex;
  ConnectionId connection;
};

}  // namespace holdfast::gateway
