// ApiClient: what it is answered, and whether that may be.
#include <algorithm>
#include <utility>

#include "api_client.h"
#include "http_response.h"

namespace holdfast::sim {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::string_view text_in(const object& from, std::string_view name) {
  std::string_view text;
  return from[name].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::uint64_t number_in(const object& from, std::string_view name) {
  std::uint64_t number = 0;
  return from[name].get(number) == simdjson::SUCCESS ? number : 0;
}

}  // namespace

std::size_t ApiClient::consume(std::string_view bytes) {
  const std::optional<HttpResponse> response = read_response_head(bytes);
  if (!response) return 0;
  if (response->status == 0 || !response->length.has_value()) {
    fail("an answer that is none: " + std::string(bytes.substr(0, 200)));
    return bytes.size();
  }
  const std::size_t whole = response->head_bytes + *response->length;
  if (bytes.size() < whole) return 0;
  const bool refused = response->closes && response->status >= 400;
  if (requests_.empty() || (refused && requests_.front().kind != Kind::mistake)) {
    // To a request that is none, or was not finished in time; then the end.
    if (close_code() != 0 || !refused) fail("an answer to nothing: " + std::string(bytes.substr(0, 80)));
    hear_close(response->status);
    return whole;
  }
  const Request request = std::move(requests_.front());
  requests_.pop_front();
  waits_since_ns_ = world_->now_ns();
  if (response->status != request.status) fail("status " + std::to_string(response->status));
  if (response->closes != request.last) fail("it closes, or does not, against what was asked");
  channels_->count("api_answers");
  answered(request, bytes.substr(response->head_bytes, *response->length));
  go_on();
  return whole;
}

void ApiClient::answered(const Request& request, std::string_view body) {
  object answer, result, error;
  if (request.kind == Kind::health && body.starts_with("# HELP ")) return metrics_answer(body);
  if (parser_.parse(body.data(), body.size()).get(answer) != simdjson::SUCCESS)
    return fail("an answer that is no JSON: " + std::string(body.substr(0, 80)));
  if (request.kind == Kind::health) return;
  if (request.kind == Kind::batch) return list_answer(request, answer, "replies");
  if (answer["error"].get(error) == simdjson::SUCCESS) return error_answer(request, number_in(error, "code"));
  if (answer["result"].get(result) != simdjson::SUCCESS)
    return fail("neither result nor error: " + std::string(body.substr(0, 80)));
  switch (request.kind) {
    case Kind::publish:
      return publish_answer(result, request.channels.front(), request.publications.front());
    case Kind::broadcast:
      return list_answer(request, result, "responses");
    case Kind::presence:
      return presence_answer(request, result);
    case Kind::history:
      return history_answer(request, result);
    case Kind::channels:
      return channels_answer(result);
    case Kind::information:
      return information_answer(result);
    case Kind::presence_stats:
      if (number_in(result, "num_users") > number_in(result, "num_clients")) fail("more users than clients");
      return;
    case Kind::mistake:
      return fail("a mistake succeeds");
    case Kind::subscribe:
      channels_->find_call(request.call)->acknowledged = true;
      [[fallthrough]];
    case Kind::history_remove:
    case Kind::act:
      if (result.size() != 0) fail("a result where there is none");
      return;
    case Kind::batch:
    case Kind::health:
      return;
  }
}

void ApiClient::publish_answer(const object& answer, const std::string& channel, const PublicationKey& key) {
  channels_->acknowledged(key);
  const std::uint64_t offset = number_in(answer, "offset");
  const GatewayPlan::Channel& known = *gateway_->find(channel);
  if (offset != 0) channels_->numbered(key, channel, text_in(answer, "epoch"), offset);
  if ((offset != 0) != known.history) fail("an offset, or none, against the rules of " + channel);
}

// One answer for each that was published, in their order.
void ApiClient::list_answer(const Request& request, const object& from, std::string_view name) {
  array answers;
  if (from[name].get(answers) != simdjson::SUCCESS || answers.size() != request.publications.size())
    return fail("not as many answers as commands");
  std::size_t number = 0;
  for (const element one : answers) {
    object answer, result, error;
    const std::size_t at = number++;
    if (one.get(answer) != simdjson::SUCCESS) return fail("an answer that is no object");
    const char* good = request.kind == Kind::batch ? "publish" : "result";
    if (answer["error"].get(error) == simdjson::SUCCESS) {
      error_answer({.kind = Kind::publish,
                    .channels = {request.channels[at]},
                    .publications = {request.publications[at]}},
                   number_in(error, "code"));
    } else if (answer[good].get(result) == simdjson::SUCCESS) {
      publish_answer(result, request.channels[at], request.publications[at]);
    } else {
      return fail("neither result nor error");
    }
  }
}

void ApiClient::presence_answer(const Request& request, const object& result) {
  object members;
  if (result["presence"].get(members) != simdjson::SUCCESS) return;
  for (const auto member : members) {
    if (!channels_->has_asked(member.key, request.channels.front()))
      fail(std::string(member.key) + " present in " + request.channels.front() + " without having asked");
  }
}

void ApiClient::history_answer(const Request& request, const object& result) {
  array publications;
  if (result["publications"].get(publications) != simdjson::SUCCESS) return;
  const std::string& channel = request.channels.front();
  const std::string_view epoch = text_in(result, "epoch");
  std::uint64_t before = 0;
  for (const element one : publications) {
    object publication;
    element content;
    if (one.get(publication) != simdjson::SUCCESS || publication["data"].get(content) != simdjson::SUCCESS)
      return fail("a publication without data");
    const auto key = channels_->recognise(std::string(simdjson::minify(content)), channel);
    const std::uint64_t offset = number_in(publication, "offset");
    if (!key) return;
    if (offset != 0 && !epoch.empty()) channels_->numbered(*key, channel, epoch, offset);
    if (before != 0 && offset != before + 1) fail("history of " + channel + " with a hole");
    before = offset;
  }
}

void ApiClient::channels_answer(const object& result) {
  object listed;
  if (result["channels"].get(listed) != simdjson::SUCCESS) return;
  for (const auto channel : listed) {
    if (gateway_->find(channel.key) == nullptr)
      fail("a channel nobody asked for: " + std::string(channel.key));
  }
}

// Of one node, which stays the same, and of no more than there can be.
void ApiClient::information_answer(const object& result) {
  array nodes;
  object node;
  if (result["nodes"].get(nodes) != simdjson::SUCCESS || nodes.size() != 1 ||
      nodes.at(0).get(node) != simdjson::SUCCESS)
    return fail("not one node");
  if (node_.empty()) node_ = text_in(node, "uid");
  if (node_.size() != 36 || node_ != text_in(node, "uid")) fail("a node that is another: " + node_);
  const std::uint64_t clients_maximum = gateway_->connections_maximum;
  if (number_in(node, "num_clients") > clients_maximum) fail("more clients than connections");
  if (number_in(node, "num_users") > gateway_->users.size()) fail("more users than there are");
  if (number_in(node, "num_channels") > gateway_->channels.size()) fail("more channels than there are");
  if (number_in(node, "num_subs") > clients_maximum * gateway_->channels.size())
    fail("more subscriptions than clients can have");
  channels_->count("node_answers");
}

// Lines of a name and a number, and remarks.
void ApiClient::metrics_answer(std::string_view body) {
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    const std::size_t space = line.rfind(' ');
    const bool number = space != line.npos && line.find_first_not_of("0123456789.", space + 1) == line.npos;
    if (!line.starts_with("# ") && !number) return fail("no metric: " + std::string(line));
  }
  channels_->count("metrics_answers");
}

void ApiClient::error_answer(const Request& request, std::uint64_t code) {
  for (const PublicationKey& key : request.publications) channels_->refused(key);
  if (request.kind == Kind::mistake && code == request.error) return;
  if (gateway_->may_refuse() && (code == kInternal || code == kTooManyRequests)) return;
  const GatewayPlan::Channel* channel =
      request.channels.empty() ? nullptr : gateway_->find(request.channels.front());
  if (channel != nullptr) {
    if (code == kUnknownChannel && channel->passing) return;
    const bool presence = request.kind == Kind::presence || request.kind == Kind::presence_stats;
    const bool history = request.kind == Kind::history || request.kind == Kind::history_remove;
    if (code == kNotAvailable && presence && !channel->presence) return;
    if (code == kNotAvailable && history && !channel->history) return;
  }
  fail("error " + std::to_string(code) + " to a request of kind " +
       std::to_string(static_cast<int>(request.kind)));
}

}  // namespace holdfast::sim
