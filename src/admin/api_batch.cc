// Commands may be answered inside the call that starts them: a loop starts them, never a callback within it,
// or a long batch would be a deep stack.
#include "admin/api_batch.h"

#include <utility>

#include "gateway/codes.h"
#include "gateway/json_writer.h"

namespace holdfast::admin {

void ApiBatch::run(Api& api, std::vector<Command> commands, bool parallel, const Api::Done& done) {
  const std::shared_ptr<ApiBatch> batch(new ApiBatch(api, std::move(commands), parallel, done));
  batch->start_next();
}

void ApiBatch::start_next() {
  starting_ = true;
  while (started_ < commands_.size() && (parallel_ || started_ == answered_)) {
    const std::size_t number = started_++;
    const Command& command = commands_[number];
    const auto answer = [batch = shared_from_this(), number](const ApiReply& reply) {
      batch->answered(number, reply);
    };
    if (command.method == name_of(Method::batch)) {
      answer({gateway::ErrorCode::method_not_found, {}});
    } else {
      api_.run(command.method, command.request, answer);
    }
  }
  starting_ = false;
  if (answered_ == replies_.size()) finish();
}

void ApiBatch::answered(std::size_t command, const ApiReply& reply) {
  std::string& out = replies_[command];
  gateway::JsonWriter writer(out);
  writer.open_object();
  if (reply.failure) {
    writer.key("error");
    append_error(out, *reply.failure);
  } else {
    writer.key(commands_[command].method);
    writer.raw(reply.result);
  }
  writer.close_object();
  ++answered_;
  if (!starting_) start_next();
}

void ApiBatch::finish() {
  std::string result;
  gateway::JsonWriter writer(result);
  writer.open_object();
  writer.key("replies");
  writer.open_array();
  for (const std::string& reply : replies_) writer.raw(reply);
  writer.close_array();
  writer.close_object();
  std::exchange(done_, nullptr)({std::nullopt, result, true});
}

}  // namespace holdfast::admin
