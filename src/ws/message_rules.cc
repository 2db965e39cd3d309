// See message_rules.h. Every verdict is a close code and a static text that fits a close frame.
#include "ws/message_rules.h"

#include "base/check.h"
#include "ws/utf8.h"

namespace holdfast::ws {

namespace {

// Rules broken by a frame's first byte.
Violation check_opcode(const ReaderLimits& limits, const Progress& progress, Opcode opcode) {
  if (is_control(opcode)) return {};
  if (opcode == Opcode::continuation && !progress.message_open()) {
    return {kProtocolError, "continuation without a message"};
  }
  if (opcode != Opcode::continuation && progress.message_open()) {
    return {kProtocolError, "new message inside a fragmented one"};
  }
  if (progress.fragments >= limits.fragments) return {kPolicyViolation, "too many fragments"};
  return {};
}

// Rules broken by the last byte of a frame's length.
Violation check_length(const ReaderLimits& limits, const Progress& progress, const FrameHeader& header) {
  if (is_control(header.opcode)) return {};
  CHECK(progress.message_bytes <= limits.message_bytes);
  if (header.payload_bytes > limits.message_bytes - progress.message_bytes) {
    return {kMessageTooBig, "message too big"};
  }
  return {};
}

}  // namespace

HeaderOutcome read_header(const ReaderLimits& limits, const Progress& progress,
                          std::span<const std::byte> bytes, FrameHeader& header, Violation& violation) {
  CHECK(!bytes.empty());
  const char* reason = nullptr;
  const HeaderOutcome outcome = parse_client_header(bytes, header, reason);
  if (outcome == HeaderOutcome::violation) {
    // The parser looked at all bytes; if the first one is
    // well-formed it may still break a rule, and comes first.
    const char* ignored = nullptr;
    if (parse_client_header(bytes.first(1), header, ignored) != HeaderOutcome::violation) {
      violation = check_opcode(limits, progress, header.opcode);
    }
    if (!violation) violation = {kProtocolError, reason};
    return outcome;
  }
  violation = check_opcode(limits, progress, header.opcode);
  if (!violation && header.header_bytes != 0) violation = check_length(limits, progress, header);
  return violation ? HeaderOutcome::violation : outcome;
}

void begin_frame(Progress& progress, const FrameHeader& header) {
  // Both fit: read_header() held data frames against a 32-bit limit and control frames against 125 bytes.
  CHECK(header.payload_bytes <= 0xffff'ffffu - (is_control(header.opcode) ? 0u : progress.message_bytes));
  progress.header_complete = true;
  progress.frame_remaining = static_cast<std::uint32_t>(header.payload_bytes);
  if (is_control(header.opcode)) return;
  if (!progress.message_open()) progress.message_opcode = header.opcode;
  ++progress.fragments;
  progress.message_bytes += progress.frame_remaining;
}

Violation check_text(Progress& progress, std::span<const std::byte> payload, bool whole) {
  std::size_t validated = progress.validated_bytes;
  if (!advance_utf8(payload, validated) || (whole && validated != payload.size())) {
    return {kInvalidPayload, "text is not UTF-8"};
  }
  progress.validated_bytes = static_cast<std::uint32_t>(validated);
  return {};
}

Violation read_close(std::span<const std::byte> payload, std::uint16_t& code, std::string_view& reason) {
  constexpr std::size_t kCodeBytes = 2;
  code = kNoStatus;
  reason = {};
  if (payload.empty()) return {};
  if (payload.size() < kCodeBytes) return {kProtocolError, "close payload of one byte"};
  code = static_cast<std::uint16_t>(std::to_integer<unsigned>(payload[0]) << 8 |
                                    std::to_integer<unsigned>(payload[1]));
  if (!valid_close_code(code)) return {kProtocolError, "invalid close code"};
  const std::span<const std::byte> text = payload.subspan(kCodeBytes);
  if (!valid_utf8(text)) return {kInvalidPayload, "close reason is not UTF-8"};
  reason = {reinterpret_cast<const char*>(text.data()), text.size()};
  return {};
}

}  // namespace holdfast::ws
