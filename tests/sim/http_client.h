// HttpClient: a request's head, then contents one after another in both directions, without framing: whose
// they are and how long is what the audit knows.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "client.h"

namespace holdfast::sim {

class HttpClient final : public Client {
 public:
  using Client::Client;
  bool was_idle() const override { return true; }
  bool admitted() const override { return false; }

 private:
  void connected() override {
    std::string request =
        "POST /sim?client=" + std::to_string(number()) + " HTTP/1.1\r\nHost: sim.invalid\r\n\r\n";
    if (!plan().finishes_handshake) {
      request.resize(random().below(request.size()));
      return write(request);
    }
    write(request);
    establish();
  }

  std::size_t consume(std::string_view bytes) override {
    if (rejected_) return bytes.size();
    if (!bytes.empty() && bytes.front() == 'H') return consume_rejection(bytes);
    if (bytes.size() < Canary::kBytes) return 0;
    const std::optional<std::size_t> size = audit_->size_of(bytes);
    if (!size.has_value()) {
      fail("bytes nobody sent: " + std::string(bytes.substr(0, 40)));
      return bytes.size();
    }
    if (bytes.size() < *size) return 0;
    message_received(std::nullopt, bytes.substr(0, *size));
    return *size;
  }

  // The server, and not the application, may only refuse.
  std::size_t consume_rejection(std::string_view bytes) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    if (!bytes.starts_with("HTTP/1.1 ")) fail("an answer that is not HTTP");
    rejected_ = true;
    hear_close(static_cast<std::uint16_t>(std::atoi(std::string(bytes.substr(9, 3)).c_str())));
    return end + 4;
  }

  std::string encode(MessageType, std::string_view payload) override { return std::string(payload); }
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override { finish(); }
  std::string violation() override { return "this is the beginning of no message"; }

  bool rejected_ = false;
};

}  // namespace holdfast::sim
