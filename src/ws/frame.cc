// Frame headers byte by byte, and the unmasking loop. Pure: no state, no allocation, any thread.
#include "ws/frame.h"

#include <cstring>

#include "base/check.h"

namespace holdfast::ws {

namespace {

constexpr unsigned kFinalBit = 0x80;
constexpr unsigned kReservedBits = 0x70;
constexpr unsigned kOpcodeBits = 0x0f;
constexpr unsigned kMaskBit = 0x80;
constexpr unsigned kLengthBits = 0x7f;
constexpr unsigned kLength16 = 126;  // the length is in the next 2 bytes
constexpr unsigned kLength64 = 127;  // the length is in the next 8 bytes
constexpr std::size_t kMaskBytes = 4;

unsigned at(std::span<const std::byte> bytes, std::size_t offset) {
  return std::to_integer<unsigned>(bytes[offset]);
}

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

// What is wrong with a header's first byte, or nullptr.
const char* first_byte_fault(unsigned first) {
  if ((first & kReservedBits) != 0) return "reserved bit set";
  const unsigned opcode = first & kOpcodeBits;
  if ((opcode > 2 && opcode < 8) || opcode > 10) return "unknown opcode";
  if (opcode >= 8 && (first & kFinalBit) == 0) return "fragmented control frame";
  return nullptr;
}

enum class Length { incomplete, known, violation };

// The length that follows a second byte of 127: refused at the first bit that is wrong.
Length read_length_64(std::span<const std::byte> bytes, std::uint64_t& payload_bytes, const char*& reason) {
  constexpr std::size_t kHighBytesEnd = 8;  // bytes 2..7 are all zero when 16 bits would have been enough
  if (bytes.size() > 2 && (at(bytes, 2) & 0x80) != 0) {
    reason = "frame length over 63 bits";
    return Length::violation;
  }
  if (bytes.size() >= kHighBytesEnd && big_endian(bytes.subspan(2, kHighBytesEnd - 2)) == 0) {
    reason = "frame length not minimal";
    return Length::violation;
  }
  if (bytes.size() < 10) return Length::incomplete;
  payload_bytes = big_endian(bytes.subspan(2, 8));
  return Length::known;
}

Length read_length_16(std::span<const std::byte> bytes, std::uint64_t& payload_bytes, const char*& reason) {
  if (bytes.size() < 4) return Length::incomplete;
  payload_bytes = big_endian(bytes.subspan(2, 2));
  if (payload_bytes >= kLength16) return Length::known;
  reason = "frame length not minimal";
  return Length::violation;
}

}  // namespace

HeaderOutcome parse_client_header(std::span<const std::byte> bytes, FrameHeader& header,
                                  const char*& reason) {
  header = FrameHeader{};
  if (bytes.empty()) return HeaderOutcome::incomplete;
  const unsigned first = at(bytes, 0);
  if (const char* fault = first_byte_fault(first)) {
    reason = fault;
    return HeaderOutcome::violation;
  }
  header.final = (first & kFinalBit) != 0;
  header.opcode = static_cast<Opcode>(first & kOpcodeBits);
  if (bytes.size() == 1) return HeaderOutcome::incomplete;

  const unsigned second = at(bytes, 1);
  const unsigned short_length = second & kLengthBits;
  if ((second & kMaskBit) == 0) {
    reason = "frame not masked";
    return HeaderOutcome::violation;
  }
  if (header.opcode >= Opcode::close && short_length > kControlPayloadMaximumBytes) {
    reason = "control frame over 125 bytes";
    return HeaderOutcome::violation;
  }
  std::size_t mask_offset = 2;
  std::uint64_t payload_bytes = short_length;
  if (short_length >= kLength16) {
    mask_offset = short_length == kLength16 ? 4 : 10;
    const Length length = short_length == kLength64 ? read_length_64(bytes, payload_bytes, reason)
                                                    : read_length_16(bytes, payload_bytes, reason);
    if (length == Length::violation) return HeaderOutcome::violation;
    if (length == Length::incomplete) return HeaderOutcome::incomplete;
  }
  header.payload_bytes = payload_bytes;
  header.header_bytes = static_cast<std::uint8_t>(mask_offset + kMaskBytes);
  if (bytes.size() < header.header_bytes) return HeaderOutcome::incomplete;
  std::memcpy(header.mask, bytes.data() + mask_offset, kMaskBytes);
  return HeaderOutcome::complete;
}

std::size_t server_header_bytes(std::uint64_t payload_bytes) {
  if (payload_bytes < kLength16) return 2;
  return payload_bytes <= 0xffff ? 4 : 10;
}

std::size_t write_server_header(std::span<std::byte, kServerHeaderMaximumBytes> into, Opcode opcode,
                                std::uint64_t payload_bytes) {
  CHECK(opcode < Opcode::close || payload_bytes <= kControlPayloadMaximumBytes);
  CHECK(payload_bytes >> 63 == 0);
  const std::size_t header_bytes = server_header_bytes(payload_bytes);
  into[0] = static_cast<std::byte>(kFinalBit | static_cast<unsigned>(opcode));
  if (header_bytes == 2) {
    into[1] = static_cast<std::byte>(payload_bytes);
    return header_bytes;
  }
  into[1] = static_cast<std::byte>(header_bytes == 4 ? kLength16 : kLength64);
  for (std::size_t offset = header_bytes; offset > 2; --offset) {
    into[offset - 1] = static_cast<std::byte>(payload_bytes & 0xff);
    payload_bytes >>= 8;
  }
  return header_bytes;
}

void unmask(std::span<std::byte> bytes, const std::uint8_t (&mask)[4], std::uint32_t phase) {
  std::uint8_t turned[8];
  for (std::uint32_t i = 0; i < 8; ++i) turned[i] = mask[(phase + i) % 4];
  std::uint64_t word_mask;
  std::memcpy(&word_mask, turned, sizeof word_mask);

  // The loop over words is what compilers turn into vector instructions: memcpy says that nothing is aligned.
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::byte* const start = bytes.data();
  const std::size_t words = bytes.size() / kWord;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t word;
    std::memcpy(&word, start + i * kWord, kWord);
    word ^= word_mask;
    std::memcpy(start + i * kWord, &word, kWord);
  }
  for (std::size_t i = words * kWord; i < bytes.size(); ++i) start[i] ^= std::byte{turned[i % 4]};
}

}  // namespace holdfast::ws
