// What the rpc method "publish" is called with: {"channel", "data", "idempotency_key"}: a publish that may be
// repeated without being published twice, for which the protocol's own publish has no room. Pure.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace holdfast::gateway {

struct PublishCall {
  std::string_view channel;
  std::string_view payload;
  bool json = false;  // the payload is known to be JSON
  std::string_view idempotency_key;
};

class JsonWalk;

// Holds the memory for one text; views it gave out die with its next use.
class RpcPublishReader {
 public:
  explicit RpcPublishReader(std::size_t bytes_maximum);
  ~RpcPublishReader();
  RpcPublishReader(const RpcPublishReader&) = delete;
  RpcPublishReader& operator=(const RpcPublishReader&) = delete;

  // False when it is not such an object, or `data` is missing.
  bool read(std::string_view text, PublishCall& call);

 private:
  std::unique_ptr<JsonWalk> walk_;
};

}  // namespace holdfast::gateway
