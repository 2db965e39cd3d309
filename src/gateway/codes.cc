// The words of the codes, as one switch per kind so that the compiler finds a code without words.
#include "gateway/codes.h"

#include <algorithm>

#include "gateway/json_text.h"

namespace holdfast::gateway {

std::string_view message_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::internal:
      return "internal server error";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::unknown_channel:
      return "unknown channel";
    case ErrorCode::permission_denied:
      return "permission denied";
    case ErrorCode::method_not_found:
      return "method not found";
    case ErrorCode::already_subscribed:
      return "already subscribed";
    case ErrorCode::limit_exceeded:
      return "limit exceeded";
    case ErrorCode::bad_request:
      return "bad request";
    case ErrorCode::not_available:
      return "not available";
    case ErrorCode::token_expired:
      return "token expired";
    case ErrorCode::expired:
      return "expired";
    case ErrorCode::too_many_requests:
      return "too many requests";
    case ErrorCode::unrecoverable_position:
      return "unrecoverable position";
    case ErrorCode::concurrent_pagination:
      return "concurrent pagination";
  }
  return "unknown error";
}

std::string_view reason_of(UnsubscribeCode code) {
  switch (code) {
    case UnsubscribeCode::server:
      return "server unsubscribe";
    case UnsubscribeCode::insufficient_state:
      return "insufficient state";
    case UnsubscribeCode::expired:
      return "subscription expired";
    case UnsubscribeCode::state_invalidated:
      return "state invalidated";
  }
  return "unsubscribed";
}

std::string_view reason_of(DisconnectCode code) {
  switch (code) {
    case DisconnectCode::connection_closed:
      return "connection closed";
    case DisconnectCode::shutdown:
      return "shutdown";
    case DisconnectCode::internal_error:
      return "internal server error";
    case DisconnectCode::connection_expired:
      return "connection expired";
    case DisconnectCode::subscription_expired:
      return "subscription expired";
    case DisconnectCode::slow:
      return "slow";
    case DisconnectCode::write_error:
      return "write error";
    case DisconnectCode::insufficient_state:
      return "insufficient state";
    case DisconnectCode::force_reconnect:
      return "force reconnect";
    case DisconnectCode::no_pong:
      return "no pong";
    case DisconnectCode::too_many_requests:
      return "too many requests";
    case DisconnectCode::state_invalidated:
      return "state invalidated";
    case DisconnectCode::invalid_token:
      return "invalid token";
    case DisconnectCode::bad_request:
      return "bad request";
    case DisconnectCode::stale:
      return "stale";
    case DisconnectCode::force_disconnect:
      return "force disconnect";
    case DisconnectCode::connection_limit:
      return "connection limit";
    case DisconnectCode::channel_limit:
      return "channel limit";
    case DisconnectCode::inappropriate_protocol:
      return "inappropriate protocol";
    case DisconnectCode::permission_denied:
      return "permission denied";
    case DisconnectCode::not_available:
      return "not available";
    case DisconnectCode::too_many_errors:
      return "too many errors";
  }
  return "disconnected";
}

bool temporary(ErrorCode code) {
  return code == ErrorCode::internal || code == ErrorCode::too_many_requests ||
         code == ErrorCode::concurrent_pagination;
}

bool reconnects(std::uint16_t close_code) {
  return close_code < 3500 || close_code >= 5000 || (close_code >= 4000 && close_code < 4500);
}

DisconnectCode disconnect_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::token_expired:
    case ErrorCode::expired:
      return DisconnectCode::connection_expired;
    case ErrorCode::too_many_requests:
      return DisconnectCode::too_many_requests;
    case ErrorCode::permission_denied:
      return DisconnectCode::permission_denied;
    default:
      return DisconnectCode::internal_error;
  }
}

bool valid_close_reason(std::string_view reason) {
  constexpr std::size_t kReasonMaximumBytes = 123;  // a close frame holds 125 bytes, two of them the code
  if (reason.empty() || reason.size() > kReasonMaximumBytes || !valid_utf8(reason)) return false;
  const auto is_control = [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; };
  if (std::any_of(reason.begin(), reason.end(), is_control)) return false;
  return !JsonText(reason.size()).valid(reason);
}

}  // namespace holdfast::gateway
