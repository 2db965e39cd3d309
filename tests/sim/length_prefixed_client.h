// LengthPrefixedClient: u32 big-endian length, then that many bytes.
#pragma once

#include <string>
#include <string_view>

#include "client.h"

namespace holdfast::sim {

class LengthPrefixedClient final : public Client {
 public:
  using Client::Client;
  bool admitted() const override { return false; }

 private:
  static constexpr std::size_t kHeaderBytes = 4;

  void connected() override { establish(); }
  std::size_t consume(std::string_view bytes) override {
    if (bytes.size() < kHeaderBytes) return 0;
    std::size_t length = 0;
    for (char digit : bytes.substr(0, kHeaderBytes)) length = length << 8 | static_cast<unsigned char>(digit);
    if (bytes.size() < kHeaderBytes + length) return 0;
    message_received(std::nullopt, bytes.substr(kHeaderBytes, length));
    return kHeaderBytes + length;
  }
  std::string encode(MessageType type, std::string_view payload) override {
    static_cast<void>(type);
    return header(payload.size()) + std::string(payload);
  }
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override { finish(); }
  // More than any limit.
  std::string violation() override { return header(0xffff'fff0u) + "begun"; }

  static std::string header(std::size_t length) {
    std::string digits;
    for (int shift = 24; shift >= 0; shift -= 8) digits.push_back(static_cast<char>(length >> shift));
    return digits;
  }
};

}  // namespace holdfast::sim
