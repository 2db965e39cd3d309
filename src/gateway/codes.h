// The numbers with which the protocol says what went wrong, each with its words: errors of a reply, reasons
// to end a subscription, reasons to close a connection. Constant tables; any thread.
//
// Invariant: every close reason is short plain text. SDKs reconnect after a terminal code whose reason is
// empty, and take a reason that parses as JSON for advice that overrides the code.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace holdfast::gateway {

// Reply.error. 0-99 belong to clients, 100-399 to the protocol, 400-1999 to applications.
enum class ErrorCode : std::uint32_t {
  internal = 100,
  unauthorized = 101,
  unknown_channel = 102,
  permission_denied = 103,
  method_not_found = 104,
  already_subscribed = 105,
  limit_exceeded = 106,
  bad_request = 107,
  not_available = 108,
  token_expired = 109,  // the client fetches another token and tries again
  expired = 110,
  too_many_requests = 111,
  unrecoverable_position = 112,
  concurrent_pagination = 113,
};

// Unsubscribe push. 2000-2499 end the subscription, 2500-2999 make the client subscribe again.
enum class UnsubscribeCode : std::uint32_t {
  server = 2000,
  insufficient_state = 2500,
  expired = 2501,
  state_invalidated = 2502,  // the client drops the subscription's token and position
};

// Close frame, or the disconnect push where there is none. The client reconnects below 3500 and from 4000 to
// 4499; from 3500 to 3999 and from 4500 to 4999 it stays away. From 4000 on they belong to applications.
enum class DisconnectCode : std::uint16_t {
  connection_closed = 3000,
  shutdown = 3001,
  internal_error = 3004,
  connection_expired = 3005,
  subscription_expired = 3006,
  slow = 3008,
  write_error = 3009,
  insufficient_state = 3010,
  force_reconnect = 3011,
  no_pong = 3012,
  too_many_requests = 3013,
  state_invalidated = 3014,  // the client drops its token and positions
  invalid_token = 3500,
  bad_request = 3501,
  stale = 3502,
  force_disconnect = 3503,
  connection_limit = 3504,
  channel_limit = 3505,
  inappropriate_protocol = 3506,
  permission_denied = 3507,
  not_available = 3508,
  too_many_errors = 3509,
};

inline constexpr std::array kErrorCodes{
    ErrorCode::internal,
    ErrorCode::unauthorized,
    ErrorCode::unknown_channel,
    ErrorCode::permission_denied,
    ErrorCode::method_not_found,
    ErrorCode::already_subscribed,
    ErrorCode::limit_exceeded,
    ErrorCode::bad_request,
    ErrorCode::not_available,
    ErrorCode::token_expired,
    ErrorCode::expired,
    ErrorCode::too_many_requests,
    ErrorCode::unrecoverable_position,
    ErrorCode::concurrent_pagination,
};

inline constexpr std::array kUnsubscribeCodes{UnsubscribeCode::server, UnsubscribeCode::insufficient_state,
                                              UnsubscribeCode::expired, UnsubscribeCode::state_invalidated};

inline constexpr std::array kDisconnectCodes{
    DisconnectCode::connection_closed,
    DisconnectCode::shutdown,
    DisconnectCode::internal_error,
    DisconnectCode::connection_expired,
    DisconnectCode::subscription_expired,
    DisconnectCode::slow,
    DisconnectCode::write_error,
    DisconnectCode::insufficient_state,
    DisconnectCode::force_reconnect,
    DisconnectCode::no_pong,
    DisconnectCode::too_many_requests,
    DisconnectCode::state_invalidated,
    DisconnectCode::invalid_token,
    DisconnectCode::bad_request,
    DisconnectCode::stale,
    DisconnectCode::force_disconnect,
    DisconnectCode::connection_limit,
    DisconnectCode::channel_limit,
    DisconnectCode::inappropriate_protocol,
    DisconnectCode::permission_denied,
    DisconnectCode::not_available,
    DisconnectCode::too_many_errors,
};

std::string_view message_of(ErrorCode code);
std::string_view reason_of(UnsubscribeCode code);
std::string_view reason_of(DisconnectCode code);

// May the same request succeed a little later? Clients retry these by themselves.
bool temporary(ErrorCode code);

// Does a client that is closed with this code come back by itself?
bool reconnects(std::uint16_t close_code);

// The close that stands for an error where there are no replies: the unidirectional transports.
DisconnectCode disconnect_for(ErrorCode code);

// May this text travel as a close reason: 1 to 123 bytes of UTF-8 without control characters that do not
// parse as JSON. For reasons that applications choose; slow, not for the data path.
bool valid_close_reason(std::string_view reason);

}  // namespace holdfast::gateway
