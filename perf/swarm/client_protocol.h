// ClientProtocol: what every connection says right after its handshake when it is a client of the Centrifugo
// protocol; and Client, what is kept for one besides its Connection.
#pragma once

#include <cstdint>

#include "centrifugo.h"
#include "channels.h"
#include "tokens.h"

namespace holdfast::swarm {

// Shared by all workers; made before them.
struct ClientProtocol {
  Encoding encoding = Encoding::json;
  bool subscribes = false;   // to one channel, in the same frame as connect
  bool recoverable = false;  // asks for positions
  Tokens tokens;
  Channels channels;

  std::string_view subprotocol() const {
    return encoding == Encoding::protobuf ? kProtobufSubprotocol : std::string_view();
  }
};

// Replies that have not come.
inline constexpr std::uint8_t kAwaitsConnect = 1 << 0;
inline constexpr std::uint8_t kAwaitsSubscribe = 1 << 1;
inline constexpr std::uint8_t kAwaitsPublish = 1 << 2;

// Lives as long as its slot is in use: longer than a connection that comes back to recover.
struct Client {
  std::uint64_t position;  // of the channel's last publication that came; counted where offsets are not told
  std::uint32_t command;   // id of the last one
  std::uint32_t frame_bytes;  // payload of the commands on their way
  std::uint16_t ping_s;       // as announced; 0: the server does not ping
  std::uint8_t awaited;       // kAwaits...
  bool pongs;                 // pings are to be answered
  bool joined;                // once, on this connection or one before it in its slot
};
static_assert(sizeof(Client) == 24);

}  // namespace holdfast::swarm
