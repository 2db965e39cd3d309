// The codes and their words: SDKs act on them, and on what a close reason looks like.
#include "gateway/codes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

namespace holdfast::gateway {
namespace {

TEST(DisconnectCode, EachHasAReasonThatSdksTakeForPlainText) {
  std::set<std::string_view> reasons;
  for (const DisconnectCode code : kDisconnectCodes) {
    EXPECT_TRUE(valid_close_reason(reason_of(code))) << static_cast<int>(code);
    EXPECT_NE(reason_of(code), "disconnected") << static_cast<int>(code);
    reasons.insert(reason_of(code));
  }
  EXPECT_EQ(reasons.size(), kDisconnectCodes.size());
  for (const UnsubscribeCode code : kUnsubscribeCodes) EXPECT_TRUE(valid_close_reason(reason_of(code)));
}

TEST(DisconnectCode, ReconnectsBelow3500AndInTheFirstHalfOfTheApplicationsRange) {
  for (const DisconnectCode code : kDisconnectCodes) {
    const auto number = static_cast<std::uint16_t>(code);
    EXPECT_EQ(reconnects(number), number < 3500) << number;
  }
  for (const auto& [code, expected] : {std::pair{3499, true},
                                       {3500, false},
                                       {3999, false},
                                       {4000, true},
                                       {4499, true},
                                       {4500, false},
                                       {4999, false},
                                       {5000, true}}) {
    EXPECT_EQ(reconnects(static_cast<std::uint16_t>(code)), expected) << code;
  }
}

TEST(CloseReason, IsRefusedWhereAnSdkWouldMisreadIt) {
  for (const std::string_view reason : {"", "42", "true", "null", " -1.5 ", "\"bye\"", "{}", "[1]",
                                        "{\"reconnect\":true}", "a\nb", "\x7f", "\xff"}) {
    EXPECT_FALSE(valid_close_reason(reason)) << reason;
  }
  for (const std::string_view reason : {"bye", "42 is the answer", "{almost", "nullify", "\xc3\xa4"}) {
    EXPECT_TRUE(valid_close_reason(reason)) << reason;
  }
  EXPECT_TRUE(valid_close_reason(std::string(123, 'a')));
  EXPECT_FALSE(valid_close_reason(std::string(124, 'a')));
}

TEST(ErrorCode, EachHasWordsAndThreeAreTemporary) {
  std::set<std::string_view> messages;
  for (const ErrorCode code : kErrorCodes) {
    EXPECT_NE(message_of(code), "unknown error");
    messages.insert(message_of(code));
    const auto number = static_cast<std::uint32_t>(code);
    EXPECT_EQ(temporary(code), number == 100 || number == 111 || number == 113) << number;
  }
  EXPECT_EQ(messages.size(), kErrorCodes.size());
}

TEST(ErrorCode, BecomesACloseWhereThereAreNoReplies) {
  for (const ErrorCode code : kErrorCodes) {
    const auto number = static_cast<std::uint32_t>(code);
    const DisconnectCode expected = number == 109 || number == 110 ? DisconnectCode::connection_expired
                                    : number == 111                ? DisconnectCode::too_many_requests
                                    : number == 103                ? DisconnectCode::permission_denied
                                                                   : DisconnectCode::internal_error;
    EXPECT_EQ(disconnect_for(code), expected) << number;
  }
}

TEST(UnsubscribeCode, MakesTheClientSubscribeAgainFrom2500On) {
  EXPECT_EQ(static_cast<int>(UnsubscribeCode::server), 2000);
  for (const UnsubscribeCode code :
       {UnsubscribeCode::insufficient_state, UnsubscribeCode::expired, UnsubscribeCode::state_invalidated}) {
    EXPECT_GE(static_cast<int>(code), 2500);
  }
}

}  // namespace
}  // namespace holdfast::gateway
