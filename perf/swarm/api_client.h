// ApiClient: one keep-alive connection to the HTTP API of a server of the Centrifugo protocol, a request at a
// time; another one when the server has ended it meanwhile, as servers do with idle ones. Blocking, with a
// time limit: for a thread of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ring/ring.h"

namespace holdfast::swarm {

struct ApiAddress {
  ring::SocketAddress address;
  std::string authority;  // as in a Host field
  std::string key;
};

class ApiClient {
 public:
  explicit ApiClient(ApiAddress to) : to_(std::move(to)) {}
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  absl::Status connect();
  // The body of the answer to POST /api/METHOD, which has status 200 and Content-Length.
  absl::StatusOr<std::string> call(std::string_view method, std::string_view body);

 private:
  bool ended() const;
  absl::Status send(std::string_view request);
  absl::Status receive_more();

  ApiAddress to_;
  int socket_ = -1;
  std::string received_;
};

}  // namespace holdfast::swarm
