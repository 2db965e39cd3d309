// Messages with their masked frames, and the header half of the frame parser. Runs on the one thread of the
// program.
#include "websocket.h"

#include <cstring>

namespace holdfast::perf {
namespace {

constexpr std::uint32_t kMessageSetBytes = 256 * 1024;

// xorshift32: the contents have to differ and to repeat from run to run, nothing more.
std::uint32_t next_random(std::uint32_t& state) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

void append_masked_frame(std::vector<std::uint8_t>& frames, std::uint8_t opcode, Bytes payload,
                         std::uint32_t mask) {
  const auto append = [&frames](std::uint64_t value) {
    frames.push_back(static_cast<std::uint8_t>(value & 0xff));
  };
  const std::uint64_t length = payload.size();
  append(0x80u | opcode);
  if (length <= 125) {
    append(0x80u | length);
  } else if (length <= 0xffff) {
    append(0x80u | 126u);
    for (int shift = 8; shift >= 0; shift -= 8) append(length >> shift);
  } else {
    append(0x80u | 127u);
    for (int shift = 56; shift >= 0; shift -= 8) append(length >> shift);
  }
  std::array<std::uint8_t, 4> key{};
  std::memcpy(key.data(), &mask, key.size());
  frames.insert(frames.end(), key.begin(), key.end());
  for (std::size_t i = 0; i < payload.size(); i++) append(std::uint64_t{payload[i]} ^ key[i % 4]);
}

}  // namespace

Messages::Messages(std::uint32_t message_bytes)
    : message_bytes_(message_bytes),
      count_(std::clamp(kMessageSetBytes / std::max(message_bytes, 1u), 4u, 256u)) {
  std::uint32_t random = 0x9e3779b9u;
  payloads_.resize(std::size_t{count_} * message_bytes);
  for (std::uint8_t& byte : payloads_) byte = static_cast<std::uint8_t>(next_random(random) >> 8);
  for (std::uint32_t number = 0; number < count_; number++) {
    append_masked_frame(frames_, kBinary, payload(number), next_random(random));
    if (number == 0) frame_bytes_ = frames_.size();
  }
}

std::size_t write_masked_control(std::uint8_t opcode, Bytes payload, std::array<std::uint8_t, 131>& frame) {
  if (payload.size() > kMaxControlBytes) fail("a control frame is over 125 bytes");
  constexpr std::array<std::uint8_t, 4> kKey = {0x5a, 0x1c, 0xe7, 0x93};
  frame[0] = static_cast<std::uint8_t>(0x80u | opcode);
  frame[1] = static_cast<std::uint8_t>(0x80u | payload.size());
  std::copy(kKey.begin(), kKey.end(), frame.begin() + 2);
  for (std::size_t i = 0; i < payload.size(); i++) frame[6 + i] = payload[i] ^ kKey[i % 4];
  return 6 + payload.size();
}

std::size_t FrameParser::take_header(Bytes input) {
  std::size_t taken = 0;
  std::size_t wanted = 2;
  while (true) {
    if (header_bytes_ >= 2) {
      const std::uint8_t short_length = header_[1];
      wanted = short_length == 126 ? 4 : short_length == 127 ? 10 : 2;
    }
    if (header_bytes_ == wanted) break;
    if (taken == input.size()) return taken;
    header_[header_bytes_++] = input[taken++];
  }
  if ((header_[0] & 0xf0) != 0x80) fail("the server sent a fragment or a reserved bit");
  if ((header_[1] & 0x80) != 0) fail("the server sent a masked frame");
  opcode_ = header_[0] & 0x0f;
  length_ = header_[1];
  if (wanted > 2) {
    length_ = 0;
    for (std::size_t i = 2; i < wanted; i++) length_ = length_ << 8 | header_[i];
  }
  offset_ = 0;
  header_bytes_ = 0;
  in_payload_ = true;
  return taken;
}

}  // namespace holdfast::perf
