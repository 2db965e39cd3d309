// A method is: read the body, ask the gateway, write its answer.
#include "admin/api.h"

#include <optional>
#include <utility>

#include "admin/api_batch.h"
#include "gateway/codes.h"
#include "gateway/json_writer.h"

namespace holdfast::admin {
namespace {

using gateway::ErrorCode;

void fail(const Api::Done& done, ErrorCode code) {
  done({code, {}});
}

// A callback that writes an answer as JSON and hands it on.
template <class Answer>
gateway::Callback<Answer> writing(const Api::Done& done) {
  return [done](const Answer& answer) {
    if constexpr (requires { answer.failure; }) {
      if (answer.failure) return fail(done, *answer.failure);
    }
    std::string result;
    append_result(result, answer);
    done({std::nullopt, result});
  };
}

}  // namespace

std::string envelope(const ApiReply& reply) {
  if (!reply.failure && reply.whole) return std::string(reply.result);
  std::string out;
  gateway::JsonWriter writer(out);
  writer.open_object();
  writer.key(reply.failure ? "error" : "result");
  if (reply.failure) {
    append_error(out, *reply.failure);
  } else {
    writer.raw(reply.result);
  }
  writer.close_object();
  return out;
}

void Api::run(std::string_view name, std::string_view body, const Done& done) {
  const std::optional<Method> method = method_named(name);
  if (!method) return fail(done, ErrorCode::method_not_found);
  const bool good = reader_.read(*method, body, request_);
  if (good) {
    run_read(*method, done);
  } else {
    fail(done, ErrorCode::bad_request);
  }
  reader_.forget();
}

void Api::run_legacy(std::string_view body, const Done& done) {
  BatchCommand command;
  if (!reader_.read_legacy(body, command)) return fail(done, ErrorCode::bad_request);
  run(std::string(command.method), std::string(command.request), done);
}

void Api::run_read(Method method, const Done& done) {
  const ApiRequest& request = request_;
  switch (method) {
    case Method::publish:
      return publish(done);
    case Method::broadcast:
      return broadcast(done);
    case Method::subscribe:
      return subscribe(done);
    case Method::unsubscribe:
      return operations_.unsubscribe({request.target, request.channel}, writing<gateway::TargetAnswer>(done));
    case Method::disconnect:
      return disconnect(done);
    case Method::refresh:
      return refresh(done);
    case Method::presence:
      return operations_.presence(request.channel, writing<gateway::PresenceAnswer>(done));
    case Method::presence_stats:
      return operations_.presence_stats(request.channel, writing<gateway::PresenceStatsAnswer>(done));
    case Method::history:
      return history(done);
    case Method::history_remove:
      return operations_.remove_history(request.channel, writing<gateway::RemoveHistoryAnswer>(done));
    case Method::channels:
      return operations_.channels(request.pattern, [done](const gateway::ChannelsAnswer& answer) {
        // Part of a list would pass for the whole.
        if (!answer.complete) return fail(done, ErrorCode::limit_exceeded);
        writing<gateway::ChannelsAnswer>(done)(answer);
      });
    case Method::info:
      return info(done);
    case Method::batch:
      return batch(done);
  }
}

gateway::PublishOperation Api::publish_operation() const {
  gateway::PublishOperation operation;
  operation.channel = request_.channel;
  operation.payload = request_.data;
  operation.binary = request_.binary;
  operation.tags = request_.tags;
  operation.skip_history = request_.skip_history;
  operation.delta = request_.delta;
  operation.idempotency_key = request_.idempotency_key;
  operation.version = request_.version;
  operation.version_epoch = request_.version_epoch;
  return operation;
}

void Api::publish(const Done& done) {
  operations_.publish(publish_operation(), writing<gateway::PublishAnswer>(done));
}

void Api::broadcast(const Done& done) {
  operations_.broadcast(request_.channels, publish_operation(), writing<gateway::BroadcastAnswer>(done));
}

void Api::subscribe(const Done& done) {
  gateway::SubscribeOperation operation;
  operation.target = request_.target;
  operation.channel = request_.channel;
  operation.info = request_.info;
  operation.data = request_.data;
  operation.expires_at_s = request_.expires_at_s;
  operation.recover = request_.has_since;
  operation.since = request_.since;
  operation.overrides = request_.overrides;
  operations_.subscribe(operation, writing<gateway::TargetAnswer>(done));
}

void Api::disconnect(const Done& done) {
  gateway::DisconnectOperation operation;
  operation.target = request_.target;
  operation.keep = request_.keep;
  if (request_.code != 0) operation.code = request_.code;
  operation.reason = request_.reason;
  if (operation.reason.empty()) {
    // An empty reason would make clients come back after a code that is to keep them away.
    operation.reason = gateway::reason_of(static_cast<gateway::DisconnectCode>(operation.code));
  }
  operations_.disconnect(operation, writing<gateway::TargetAnswer>(done));
}

void Api::refresh(const Done& done) {
  // What others see of a connection does not change while it lasts.
  if (!request_.info.empty()) return fail(done, ErrorCode::not_available);
  operations_.refresh({request_.target, request_.expired, request_.expires_at_s},
                      writing<gateway::TargetAnswer>(done));
}

void Api::history(const Done& done) {
  operations_.history(
      {request_.channel, request_.limit, request_.has_since, request_.since, request_.reverse},
      writing<gateway::HistoryAnswer>(done));
}

void Api::info(const Done& done) {
  operations_.info([done, facts = facts_](const gateway::InfoAnswer& answer) {
    std::string result;
    append_result(result, answer, facts());
    done({std::nullopt, result});
  });
}

void Api::batch(const Done& done) {
  std::vector<ApiBatch::Command> commands;
  commands.reserve(request_.commands.size());
  for (const BatchCommand& command : request_.commands) {
    commands.push_back({std::string(command.method), std::string(command.request)});
  }
  ApiBatch::run(*this, std::move(commands), request_.parallel, done);
}

}  // namespace holdfast::admin
