// Close codes: which may travel, which mean what. Source: RFC 6455 section 7.4, IANA registry (1012-1014).
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::ws {

inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
inline constexpr std::uint16_t kNoStatus = 1005;  // never sent: the peer's close frame carried no code
inline constexpr std::uint16_t kAbnormal = 1006;  // never sent: the connection ended without a close frame
inline constexpr std::uint16_t kInvalidPayload = 1007;
inline constexpr std::uint16_t kPolicyViolation = 1008;
inline constexpr std::uint16_t kMessageTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
inline constexpr std::uint16_t kServiceRestart = 1012;
inline constexpr std::uint16_t kTryAgainLater = 1013;

inline constexpr std::size_t kCloseReasonMaximumBytes = 123;

// May a peer send this code in a close frame: 1000-1003, 1007-1014, 3000-4999.
bool valid_close_code(std::uint16_t code);

}  // namespace holdfast::ws
