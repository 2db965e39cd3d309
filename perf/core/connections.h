// Connections: the client side of up to ~15,000 sockets on one thread and one epoll set, kept lean so that
// the server, not this program, is what a run measures.
//
// It opens them with a bounded number of attempts outstanding, upgrades them, sends prepared frames and hands
// what arrives to a Mode; pings it answers itself. Each socket is registered once, edge-triggered, for input
// and output; a read that fills the buffer is followed by another, one that does not has emptied the socket.
// Whatever goes wrong ends the program (failure.h): a peer that closes, a wrong answer, a wrong byte.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "websocket.h"

namespace holdfast::perf {

// What a mode does with what arrives. Called from Connections::turn.
class Mode {
 public:
  virtual ~Mode() = default;
  virtual void on_piece(std::uint32_t connection, const Piece& piece) = 0;  // of anything but a ping
};

struct Target {
  sockaddr_in server{};
  sockaddr_in source{};            // its port is 0; another address of 127.0.0.0/8 gives another 28,000 ports
  bool upgrade = true;             // false: a connection is open as soon as TCP says so
  std::uint32_t outstanding = 64;  // connections that are being opened at any moment
};

class Connections {
 public:
  Connections(const Target& target, std::uint32_t capacity, Mode& mode);
  ~Connections() { reset_all(); }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Opens connections until `count` are open; returns when they all are.
  void open_until(std::uint32_t count);

  // Resets (RST, so that no port stays in TIME_WAIT) and forgets every connection.
  void reset_all();

  // Sends a frame that stays in place until it has been sent; the rest of a short send follows when there is
  // room.
  void send(std::uint32_t connection, Bytes frame);

  // Waits for events, at most `timeout_ms`, and serves them. Returns false if a descriptor added with watch()
  // is readable.
  bool turn(int timeout_ms);
  void watch(int descriptor);

  std::uint32_t open() const { return open_; }
  std::uint64_t pings_answered() const { return pings_answered_; }

 private:
  enum class Phase : std::uint8_t { connecting, upgrading, open };
  struct Connection {
    int descriptor = -1;
    Phase phase = Phase::connecting;
    FrameParser parser;
    Bytes unsent;
    std::string pong;  // goes out after `unsent`
    std::string head;  // what has come of the answer to the upgrade; empty before and after
    std::string ping;  // what has come of a ping's payload
  };

  void start_next();
  void finish_connecting(std::uint32_t index);
  void opened(std::uint32_t index);
  void serve(std::uint32_t index, std::uint32_t events);
  void flush(std::uint32_t index);
  void receive(std::uint32_t index, bool ended);
  Bytes take_head(std::uint32_t index, Bytes input);
  void take_ping(std::uint32_t index, const Piece& piece);

  Target target_;
  Mode& mode_;
  int epoll_;
  std::uint32_t goal_ = 0;
  std::uint32_t open_ = 0;
  std::uint64_t pings_answered_ = 0;
  std::vector<Connection> connections_;
  std::vector<std::uint8_t> input_;
};

}  // namespace holdfast::perf
