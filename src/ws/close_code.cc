// The table of close codes a peer may send. Pure.
#include "ws/close_code.h"

namespace holdfast::ws {

bool valid_close_code(std::uint16_t code) {
  constexpr std::uint16_t kFirst = 1000;
  constexpr std::uint16_t kReserved = 1004;  // never given a meaning; 1005 and 1006 never travel
  constexpr std::uint16_t kFirstAfterReserved = kInvalidPayload;
  constexpr std::uint16_t kLastRegistered = 1014;  // 1015, a failed TLS handshake, never travels
  constexpr std::uint16_t kFirstLibrary = 3000;    // 3000-3999 registered by libraries, 4000-4999 private
  constexpr std::uint16_t kLastPrivate = 4999;
  if (code < kFirst || code > kLastPrivate) return false;
  if (code >= kFirstLibrary) return true;
  return code < kReserved || (code >= kFirstAfterReserved && code <= kLastRegistered);
}

}  // namespace holdfast::ws
