// Base64 has one spelling for each sequence of bytes; every other text is refused.
#include "auth/base64.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "signer.h"

namespace holdfast::auth {
namespace {

using Decoder = std::optional<std::size_t> (*)(std::string_view, std::span<char>);

std::optional<std::string> decoded(Decoder decode, std::string_view text) {
  std::string bytes(decoded_bytes_maximum(text.size()), '?');
  const std::optional<std::size_t> size = decode(text, bytes);
  if (!size.has_value()) return std::nullopt;
  return bytes.substr(0, *size);
}

TEST(Base64, DecodesTheExamplesOfRfc4648) {
  for (const auto& [padded, bytes] : {std::pair{"", ""},
                                      {"Zg==", "f"},
                                      {"Zm8=", "fo"},
                                      {"Zm9v", "foo"},
                                      {"Zm9vYg==", "foob"},
                                      {"Zm9vYmE=", "fooba"},
                                      {"Zm9vYmFy", "foobar"}}) {
    EXPECT_EQ(decoded(decode_base64, padded), bytes);
    const std::string_view text(padded);
    EXPECT_EQ(decoded(decode_base64url, text.substr(0, text.find('='))), bytes);
  }
}

TEST(Base64, GivesBackEverySequenceOfBytes) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(decoded(decode_base64url, encode_base64url(bytes)), bytes) << i;
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64, HasTwoCharactersThatDependOnTheAlphabet) {
  EXPECT_EQ(decoded(decode_base64url, "-_-_"), "\xfb\xff\xbf");
  EXPECT_EQ(decoded(decode_base64, "+/+/"), "\xfb\xff\xbf");
  for (const char* text : {"+/+/", "-/-/", "+_+_"}) EXPECT_EQ(decoded(decode_base64url, text), std::nullopt);
  EXPECT_EQ(decoded(decode_base64, "-_-_"), std::nullopt);
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (const std::string_view text :
       {"Z",      "A",     "AAAAA",  "Zm9vY",            // a length no bytes have
        "Zh",     "Zm9",   "Zm9vYh", "Zm9vYmF",          // unused bits that are not zero
        "Zg==",   "Zm8=",  "Zm9v=",  "=",       "====",  // padding
        "Zm9v\n", " Zm9v", "Zm 9v",  "Zm\t9",   "Zm9v\r\n", "Z.9v", "Zm9\xc3", "Zm9~"}) {
    EXPECT_EQ(decoded(decode_base64url, text), std::nullopt) << text;
  }
  EXPECT_EQ(decoded(decode_base64url, std::string_view("Zm9\0", 4)), std::nullopt);
  for (const std::string_view text : {"Zg", "Zg=", "Zm8", "Zh==", "Zm9=", "Zg===", "=Zg=", "Z===", "====",
                                      "Zm9v====", "Zg==Zg==", "Zm9v\n", "Zm\n9"}) {
    EXPECT_EQ(decoded(decode_base64, text), std::nullopt) << text;
  }
}

TEST(Base64, WritesNothingWhereThereIsNoRoom) {
  std::string bytes = "??";
  EXPECT_EQ(decode_base64url("Zm9v", bytes), std::nullopt);
  EXPECT_EQ(bytes, "??");
  EXPECT_EQ(decode_base64url("Zm8", bytes), 2u);
}

}  // namespace
}  // namespace holdfast::auth
