// Just enough of HTTP/1.1: anything unexpected ends the call, and with it the connection's usefulness.
#include "api_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace holdfast::swarm {
namespace {

constexpr time_t kLimitS = 20;
constexpr std::size_t kBodyBytesMaximum = 16 * 1024 * 1024;

absl::Status failed(const char* what) {
  return absl::UnavailableError(std::string("the HTTP API: ") + what + ": " + std::strerror(errno));
}

absl::Status unexpected(std::string_view answer) {
  return absl::InternalError("the HTTP API answered " + std::string(answer.substr(0, 200)));
}

// The value of Content-Length; false without one.
bool body_bytes(std::string_view head, std::size_t* bytes) {
  constexpr std::string_view kName = "content-length:";
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    if (!absl::StartsWithIgnoreCase({line.data(), line.size()}, {kName.data(), kName.size()})) continue;
    const std::string_view value = line.substr(kName.size());
    return absl::SimpleAtoi(absl::string_view(value.data(), value.size()), bytes) &&
           *bytes <= kBodyBytesMaximum;
  }
  return false;
}

}  // namespace

ApiClient::~ApiClient() {
  if (socket_ >= 0) ::close(socket_);
}

// Whether the server has ended the connection, or there was none.
bool ApiClient::ended() const {
  if (socket_ < 0) return true;
  char next = 0;
  const ssize_t got = ::recv(socket_, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

absl::Status ApiClient::connect() {
  if (socket_ >= 0) ::close(socket_);
  received_.clear();
  const auto* address = reinterpret_cast<const sockaddr*>(to_.address.bytes);
  socket_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return failed("socket");
  const timeval limit{.tv_sec = kLimitS, .tv_usec = 0};
  const int on = 1;
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, address, to_.address.length) < 0) return failed("connect");
  return absl::OkStatus();
}

absl::Status ApiClient::send(std::string_view request) {
  while (!request.empty()) {
    const ssize_t sent = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failed("send");
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  return absl::OkStatus();
}

absl::Status ApiClient::receive_more() {
  std::array<char, 16 * 1024> input;
  const ssize_t got = ::recv(socket_, input.data(), input.size(), 0);
  if (got < 0 && errno == EINTR) return absl::OkStatus();
  if (got < 0) return failed("no answer");
  if (got == 0) return absl::UnavailableError("the HTTP API ended its connection");
  received_.append(input.data(), static_cast<std::size_t>(got));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ApiClient::call(std::string_view method, std::string_view body) {
  std::string request("POST /api/");
  request.append(method).append(" HTTP/1.1\r\nHost: ").append(to_.authority);
  request.append("\r\nX-API-Key: ").append(to_.key);
  request.append("\r\nContent-Type: application/json\r\nContent-Length: ")
      .append(std::to_string(body.size()));
  request.append("\r\n\r\n").append(body);
  if (ended()) {
    if (absl::Status status = connect(); !status.ok()) return status;
  }
  if (absl::Status status = send(request); !status.ok()) return status;
  std::size_t head_bytes = 0;
  while ((head_bytes = received_.find("\r\n\r\n")) == std::string::npos) {
    if (received_.size() > kBodyBytesMaximum) return unexpected(received_);
    if (absl::Status status = receive_more(); !status.ok()) return status;
  }
  const std::string head = received_.substr(0, head_bytes + 2);
  std::size_t bytes = 0;
  if (head.compare(0, 13, "HTTP/1.1 200 ") != 0 || !body_bytes(head, &bytes)) return unexpected(received_);
  const std::size_t begin = head_bytes + 4;
  while (received_.size() < begin + bytes) {
    if (absl::Status status = receive_more(); !status.ok()) return status;
  }
  std::string answer = received_.substr(begin, bytes);
  received_.erase(0, begin + bytes);
  return answer;
}

}  // namespace holdfast::swarm
