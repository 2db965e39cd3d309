// WebSocketClient: handshake, frames out, frames in, and the ways to break the rules.
#include "websocket_client.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/check.h"

namespace holdfast::sim {
namespace {

constexpr std::uint8_t kFinal = 0x80, kMasked = 0x80;
constexpr std::uint8_t kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

std::string big_endian(std::uint64_t value, int bytes) {
  std::string digits;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    digits.push_back(static_cast<char>(value >> shift));
  return digits;
}

std::uint64_t read_big_endian(std::string_view digits) {
  std::uint64_t value = 0;
  for (char digit : digits) value = value << 8 | static_cast<std::uint8_t>(digit);
  return value;
}

}  // namespace

void WebSocketClient::connected() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string key;
  for (int position = 0; position < 21; ++position) key.push_back(kAlphabet[random().below(64)]);
  key += "A==";  // the last of 22 digits carries four bits, which end in zeros
  std::string request =
      "GET " + target() +
      " HTTP/1.1\r\nHost: sim.invalid\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
      key + "\r\n\r\n";
  if (plan().ending == Ending::violate && plan().messages == 0) {
    part();
    request[random().below(request.size() - 4)] = '\0';
  }
  if (!plan().finishes_handshake) request.resize(random().below(request.size()));
  write(request);
}

std::size_t WebSocketClient::consume(std::string_view bytes) {
  if (state_ == State::handshaking) return consume_response(bytes);
  if (state_ == State::rejected) return bytes.size();
  if (bytes.size() < 2) return 0;
  std::uint8_t first = static_cast<std::uint8_t>(bytes[0]);
  std::uint8_t second = static_cast<std::uint8_t>(bytes[1]);
  std::size_t header = 2;
  std::uint64_t length = second & 0x7f;
  if (length >= 126) {
    std::size_t digits = length == 126 ? 2 : 8;
    if (bytes.size() < header + digits) return 0;
    length = read_big_endian(bytes.substr(header, digits));
    header += digits;
    if (length < (digits == 2 ? 126u : 65'536u)) fail("a length that is not minimal");
  }
  std::uint8_t opcode = first & 0x0f;
  if ((first & 0x70) != 0 || (first & kFinal) == 0) fail("a frame with reserved bits or not final");
  if ((second & kMasked) != 0) fail("a masked frame from the server");
  if (opcode != kText && opcode != kBinary && opcode != kClose && opcode != kPing && opcode != kPong) {
    fail("a frame with opcode " + std::to_string(opcode));
  }
  if (opcode >= 8 && length > 125) fail("a control frame of " + std::to_string(length) + " bytes");
  if (close_received_) fail("a frame after the close frame");
  if (length > 64u << 20) {
    fail("a frame of " + std::to_string(length) + " bytes");
    return bytes.size();
  }
  if (bytes.size() < header + length) return 0;
  frame_received(opcode, bytes.substr(header, length));
  return header + length;
}

std::size_t WebSocketClient::consume_response(std::string_view bytes) {
  std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::string_view head = bytes.substr(0, end + 4);
  if (head.starts_with("HTTP/1.1 101 ")) {
    if (head.find("\r\nSec-WebSocket-Accept: ") == std::string_view::npos) fail("101 without an accept key");
    if (parting()) fail("101 for a broken request");
    state_ = State::open;
    establish();
    return head.size();
  }
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 16) fail("an answer that is not HTTP");
  // What follows is the rejection's body, until the end of the connection.
  state_ = State::rejected;
  hear_close(static_cast<std::uint16_t>(std::atoi(std::string(head.substr(9, 3)).c_str())));
  return head.size();
}

void WebSocketClient::frame_received(std::uint8_t opcode, std::string_view payload) {
  switch (opcode) {
    case kText:
    case kBinary:
      return message_received(opcode == kText ? MessageType::text : MessageType::binary, payload);
    case kClose:
      return close_received(payload);
    case kPing:
      if (!plan().answers_pings || state_ != State::open) return;
      return later(30'000'000, [this, answer = std::string(payload)] {
        if (state_ == State::open) write(frame(kFinal | kPong, answer));
      });
    case kPong:
      return pong_received(payload);
    default:
      return;
  }
}

void WebSocketClient::close_received(std::string_view payload) {
  close_received_ = true;
  std::uint16_t code =
      payload.size() >= 2 ? static_cast<std::uint16_t>(read_big_endian(payload.substr(0, 2))) : 1005;
  hear_close(code);
  if (payload.size() == 1) fail("a close frame of one byte");
  if (payload.size() >= 2 && (code < 1000 || code == 1004 || code == 1005 || code == 1006 || code == 1015)) {
    fail("close code " + std::to_string(code));
  }
  if (state_ == State::closing) {
    state_ = State::closed;
    return finish();
  }
  state_ = State::closed;
  later(10'000'000, [this, echo = std::string(payload.substr(0, 2))] {
    write(frame(kFinal | kClose, echo));
    finish();
  });
}

// Only the latest of several pings has to be answered, but answers come in order.
void WebSocketClient::pong_received(std::string_view payload) {
  auto found = std::find(unanswered_.begin(), unanswered_.end(), payload);
  if (found == unanswered_.end()) return fail("a pong that answers no ping");
  unanswered_.erase(unanswered_.begin(), std::next(found));
}

void WebSocketClient::ping() {
  if (state_ != State::open) return;
  std::string payload = "ping " + std::to_string(pings_++);
  payload.resize(payload.size() + random().below(100), '.');
  unanswered_.push_back(payload);
  write(frame(kFinal | kPing, payload));
}

void WebSocketClient::close_politely() {
  if (state_ != State::open) return;
  state_ = State::closing;
  write(frame(kFinal | kClose, random().below(4) == 0 ? "" : big_endian(1000, 2) + "done"));
}

std::string WebSocketClient::frame(std::uint8_t first_byte, std::string_view payload) {
  std::string bytes(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    bytes.push_back(static_cast<char>(kMasked | payload.size()));
  } else if (payload.size() < 65'536) {
    bytes.push_back(static_cast<char>(kMasked | 126));
    bytes += big_endian(payload.size(), 2);
  } else {
    bytes.push_back(static_cast<char>(kMasked | 127));
    bytes += big_endian(payload.size(), 8);
  }
  std::string mask = big_endian(random().next(), 4);
  bytes += mask;
  for (std::size_t position = 0; position < payload.size(); ++position) {
    bytes.push_back(static_cast<char>(payload[position] ^ mask[position % 4]));
  }
  return bytes;
}

std::string WebSocketClient::encode(MessageType type, std::string_view payload) {
  std::uint8_t opcode = type == MessageType::text ? kText : kBinary;
  if (!plan().fragments) return frame(kFinal | opcode, payload);
  std::string bytes;
  while (payload.size() > 1 && random().below(4) != 0) {
    std::size_t piece = random().below(payload.size());
    bytes += frame(opcode, payload.substr(0, piece));
    payload.remove_prefix(piece);
    opcode = kContinuation;
    if (random().below(4) == 0) bytes += frame(kFinal | kPong, "unasked for");
  }
  return bytes + frame(kFinal | opcode, payload);
}

// Messages, pings, or a message that never gets anywhere: empty fragments without end.
void WebSocketClient::flood() {
  constexpr int kFrames = 2'000;
  const std::uint64_t kind = random().below(3);
  if (kind == 0) return Client::flood();
  for (int count = 0; count < kFrames; ++count) {
    if (kind == 1) {
      ping();
    } else {
      write(frame(count == 0 ? kText : kContinuation, ""));
    }
  }
}

// Each of these must end the connection; none can be taken for a message.
std::string WebSocketClient::violation() {
  state_ = State::closed;
  switch (random().below(10)) {
    case 0:
      return std::string("\x82\x05hello", 7);  // not masked
    case 1:
      return frame(kFinal | 0x40 | kBinary, "reserved bit");
    case 2:
      return frame(kFinal | 3, "unknown opcode");
    case 3:
      return frame(kPing, "fragmented ping");
    case 4:
      return frame(kFinal | kContinuation, "continues nothing");
    case 5:
      return frame(kFinal | kText, "bad text: \xc3\x28");
    case 6:
      return std::string("\x82\xff\x80\0\0\0\0\0\0\0abcd", 14);  // 2^63 bytes
    case 7:
      return frame(kFinal | kPing, std::string(126, 'p'));
    case 8:
      return frame(kFinal | kClose, "\x03");  // half a code
    default:
      return frame(kBinary, "begun") + frame(kFinal | kBinary, "another inside");
  }
}

}  // namespace holdfast::sim
