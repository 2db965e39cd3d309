// Outgoing: the messages one client is owed, joined into frames.
//
// Messages for the client that is being served gather here until another client is served, the frame is full,
// or flush() is called: after a frame of commands, and at the end of a turn. Whoever sends to a connection by
// another way flushes first, so that nothing overtakes. Shard thread only.
#pragma once

#include <string>
#include <string_view>

#include "gateway/clients.h"
#include "gateway/codes.h"
#include "gateway/message_writer.h"

namespace holdfast::gateway {

class Outgoing {
 public:
  static constexpr unsigned kMessagesPerFrame = 16;
  static constexpr std::size_t kFrameBytes = 16 << 10;  // a frame that has this much is complete

  explicit Outgoing(Clients& clients) : clients_(clients) {}

  template <class Result>
  void reply(memory::Index client, std::uint32_t id, const Result& result) {
    append_reply(encoding(client), frame_for(client), id, result);
    appended();
  }
  void error(memory::Index client, std::uint32_t id, ErrorCode code) {
    append_error(encoding(client), frame_for(client), id, code);
    appended();
  }
  template <class Event>
  void push(memory::Index client, const ChannelLabel& channel, const Event& event) {
    if (clients_[client].transport().unidirectional) {
      append_bare_push(encoding(client), frame_for(client), channel, event);
    } else {
      append_push(encoding(client), frame_for(client), channel, event);
    }
    appended();
  }

  void flush();
  bool empty() const { return messages_ == 0; }

 private:
  Encoding encoding(memory::Index client) const { return clients_[client].encoding(); }
  std::string& frame_for(memory::Index client) {
    if (client != client_) flush();
    client_ = client;
    return frame_;
  }
  void appended();

  Clients& clients_;
  memory::Index client_ = memory::kNoIndex;
  unsigned messages_ = 0;
  std::string frame_;
  std::string scratch_;
};

}  // namespace holdfast::gateway
