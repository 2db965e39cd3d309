// The client's half of WebSocket, as much as the load programs need: the upgrade request and its one right
// answer, messages built once with their masked frames, and a parser for the frames a server sends.
//
// The parser holds no message: it hands out pieces of the payload as they arrive, which the mode compares
// with what it expects. It accepts whole unfragmented frames only, because no server measured here sends
// others.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "failure.h"

namespace holdfast::perf {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::string_view kUpgradeRequest =
    "GET / HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "\r\n";
inline constexpr std::string_view kAccept = "HSmrc0sMlYUkAGmm5OPpG2HaGWk=";

inline constexpr std::uint8_t kBinary = 0x2;
inline constexpr std::uint8_t kPing = 0x9;
inline constexpr std::uint8_t kPong = 0xA;
inline constexpr std::uint64_t kMaxControlBytes = 125;

// A fixed set of different messages of one size, used in turn, so that an answer meant for somebody else, or
// one that comes twice, does not compare equal. 256 KiB of them at most: they should not push the sockets out
// of the cache.
class Messages {
 public:
  explicit Messages(std::uint32_t message_bytes);

  Bytes payload(std::uint64_t number) const { return slice(payloads_, number, message_bytes_); }
  Bytes masked_frame(std::uint64_t number) const { return slice(frames_, number, frame_bytes_); }
  std::uint32_t message_bytes() const { return message_bytes_; }

 private:
  Bytes slice(const std::vector<std::uint8_t>& all, std::uint64_t number, std::size_t each) const {
    return Bytes(all).subspan(static_cast<std::size_t>(number % count_) * each, each);
  }

  std::uint32_t message_bytes_;
  std::uint32_t count_;
  std::size_t frame_bytes_ = 0;
  std::vector<std::uint8_t> payloads_;
  std::vector<std::uint8_t> frames_;
};

// Writes a masked frame of at most 125 bytes; returns its length.
std::size_t write_masked_control(std::uint8_t opcode, Bytes payload, std::array<std::uint8_t, 131>& frame);

// Some bytes of a message: `offset` of `message_bytes`. An empty message is one empty piece.
struct Piece {
  std::uint8_t opcode = 0;
  std::uint64_t message_bytes = 0;
  std::uint64_t offset = 0;
  Bytes bytes;
  bool last() const { return offset + bytes.size() == message_bytes; }
};

class FrameParser {
 public:
  // Calls on_piece(const Piece&) for every piece of payload in `input`.
  template <typename OnPiece>
  void consume(Bytes input, OnPiece on_piece) {
    while (!input.empty()) {
      if (!in_payload_) {
        input = input.subspan(take_header(input));
        if (!in_payload_) return;
      }
      const std::size_t take =
          static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), length_ - offset_));
      const Piece piece{opcode_, length_, offset_, input.first(take)};
      input = input.subspan(take);
      offset_ += take;
      if (offset_ == length_) in_payload_ = false;
      if (take > 0 || length_ == 0) on_piece(piece);
    }
  }

 private:
  std::size_t take_header(Bytes input);

  std::uint64_t length_ = 0;
  std::uint64_t offset_ = 0;
  std::array<std::uint8_t, 10> header_{};
  std::uint8_t header_bytes_ = 0;
  std::uint8_t opcode_ = 0;
  bool in_payload_ = false;
};

}  // namespace holdfast::perf
