// Api: the methods of the HTTP API on one shard, from a JSON body to what is asked of the gateway and back to
// JSON. Knows no HTTP.
//
// Each request is answered exactly once, before run() returns or in a later turn of the shard, by a callback
// that is copied along; nothing is kept here but the reader's memory. Shard thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "admin/api_request.h"
#include "admin/api_result.h"
#include "gateway/operations.h"

namespace holdfast::admin {

struct ApiReply {
  gateway::Failure failure;
  std::string_view result;  // JSON; dies when the callback returns
  bool whole = false;       // the result is the whole answer: that of a batch stands for itself
};

class Api {
 public:
  using Done = std::function<void(const ApiReply&)>;

  // `facts` says what the node is when somebody asks.
  Api(gateway::Operations& operations, std::function<NodeFacts()> facts)
      : operations_(operations), facts_(std::move(facts)) {}

  // A method this API does not have fails with 104.
  void run(std::string_view method, std::string_view body, const Done& done);
  // {"method": ..., "params": {...}}
  void run_legacy(std::string_view body, const Done& done);

 private:
  void run_read(Method method, const Done& done);
  void publish(const Done& done);
  void broadcast(const Done& done);
  void subscribe(const Done& done);
  void disconnect(const Done& done);
  void refresh(const Done& done);
  void history(const Done& done);
  void info(const Done& done);
  void batch(const Done& done);
  gateway::PublishOperation publish_operation() const;

  gateway::Operations& operations_;
  std::function<NodeFacts()> facts_;
  ApiReader reader_;
  ApiRequest request_;  // that is being run
};

// {"result": ...}, {"error": ...}, or the result that is whole.
std::string envelope(const ApiReply& reply);

}  // namespace holdfast::admin
