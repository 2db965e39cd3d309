// ApiBatch: several commands of one request, one after the other or all at once, and one reply for all.
//
// Owns copies of the commands, because each is read when its turn comes. Kept alive by the callbacks of the
// commands that are under way. A batch within a batch fails with 104. Shard thread only; the Api must
// outlive it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "admin/api.h"

namespace holdfast::admin {

class ApiBatch : public std::enable_shared_from_this<ApiBatch> {
 public:
  struct Command {
    std::string method;
    std::string request;
  };

  static void run(Api& api, std::vector<Command> commands, bool parallel, const Api::Done& done);

 private:
  ApiBatch(Api& api, std::vector<Command> commands, bool parallel, const Api::Done& done)
      : api_(api),
        commands_(std::move(commands)),
        replies_(commands_.size()),
        parallel_(parallel),
        done_(done) {}
  void start_next();
  void answered(std::size_t command, const ApiReply& reply);
  void finish();

  Api& api_;
  std::vector<Command> commands_;
  std::vector<std::string> replies_;
  bool parallel_;
  Api::Done done_;
  std::size_t started_ = 0;
  std::size_t answered_ = 0;
  bool starting_ = false;  // start_next is running: an answer that comes at once need not call it
};

}  // namespace holdfast::admin
