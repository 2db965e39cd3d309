// EmulationClient: the stream, and the requests beside it.
#include "emulation_client.h"

#include <utility>

#include "client.pb.h"

namespace holdfast::sim {
namespace {

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char byte : text) {
    if (byte == '\n') {
      json += "\\n";
      continue;
    }
    if (byte == '"' || byte == '\\') json.push_back('\\');
    json.push_back(byte);
  }
  return json + "\"";
}

// Prompt, and patient.
Plan plan_of_poster(const Plan& of_client) {
  Plan plan = of_client;
  plan.messages = 0;
  plan.ending = Ending::stay;
  return plan;
}

}  // namespace

EmulationClient::EmulationClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number,
                                 int listener, const Plan& plan, ChannelAudit* channels,
                                 const GatewayPlan* gateway, StreamFraming framing,
                                 std::vector<int> listeners)
    : Client(world, audit, number, listener, plan),
      channels_(channels),
      stream_(framing, [this](const std::string& what) { fail(what); }),
      protocol_(world, this, channels, gateway, framing == StreamFraming::lengths,
                [this](const std::string& frame) { transmit(frame); }),
      listeners_(std::move(listeners)),
      keeps_poster_(random().below(2) == 0) {}

// The first frame makes the stream.
void EmulationClient::transmit(const std::string& frame) {
  if (!std::exchange(asked_, true)) {
    const bool events = stream_.framing() == StreamFraming::events;
    std::string request = events && random().below(2) == 0
                              ? stream_query("sse", frame)
                              : stream_request(events ? "sse" : "http_stream", stream_.framing(), frame);
    if (!plan().finishes_handshake) request.resize(random().below(request.size()));
    return write(request);
  }
  frames_.push_back(frame);
  post_next();
}

std::string EmulationClient::request_of(const std::string& frame) const {
  if (!protocol_.protobuf()) {
    return "{\"session\":" + quoted(protocol_.session()) + ",\"node\":" + quoted(protocol_.node()) +
           ",\"data\":" + quoted(frame) + "}";
  }
  client::EmulationRequest request;
  request.set_session(protocol_.session());
  request.set_node(protocol_.node());
  request.set_data(frame);
  return request.SerializeAsString();
}

// In the order in which it was said: a new connection is made when the last one owes nothing any more.
void EmulationClient::post_next() {
  while (!frames_.empty() && !ended()) {
    if (posters_.empty() || posters_.back()->spent()) {
      if (!posters_.empty() && posters_.back()->unanswered() > 0) return;
      const int listener = listeners_[random().below(listeners_.size())];
      posters_.push_back(std::make_unique<Poster>(
          world_, audit_, number(), listener, plan_of_poster(plan()),
          Poster::Owner{[this](bool found) {
                          channels_->count(found ? "emulated" : "emulated_in_vain");
                          in_vain_ |= !found;
                          post_next();
                        },
                        [this, number = posters_.size()] { poster_ended(*posters_[number]); }}));
      posters_.back()->start();
    }
    posters_.back()->post(request_of(frames_.front()), protocol_.protobuf(), !keeps_poster_);
    frames_.pop_front();
  }
}

void EmulationClient::poster_ended(const Poster& poster) {
  if (ended()) return;
  if (poster.unanswered() == 0) return post_next();
  poster_was_idle_ = poster.was_idle();
  lose();
}

void EmulationClient::on_end() {
  if (!posters_.empty()) posters_.back()->give_up();
  protocol_.leave_all();
}

bool EmulationClient::waiting_in_backlog() const {
  if (Client::waiting_in_backlog()) return true;
  return !posters_.empty() && !posters_.back()->ended() && posters_.back()->waiting_in_backlog();
}

std::size_t EmulationClient::consume(std::string_view bytes) {
  const std::size_t taken = stream_.read(bytes);
  if (stream_.refused() != 0 && close_code() == 0) hear_close(stream_.refused());
  while (!ended() && stream_.next(message_)) {
    protocol_.take(message_);
    if (ended()) break;
    if (protocol_.connected() && !established()) {
      channels_->count("emulations");
      establish();
    }
    if (protocol_.told_code() != 0 && close_code() == 0) hear_close(protocol_.told_code());
  }
  if (!ended()) go_on();
  return taken;
}

void EmulationClient::speak() {
  spoke();
  protocol_.speak();
}

// On the stream itself nobody hears it.
void EmulationClient::flood() {
  write(std::string(5'000, 'x'));
  Client::flood();
}

// What is not UTF-8 does not even get as far as the session.
std::string EmulationClient::violation() {
  std::string frame = protocol_.violation();
  while (!protocol_.protobuf() && frame.find('\xff') != std::string::npos) frame = protocol_.violation();
  transmit(frame);
  return {};
}

void EmulationClient::probe() {
  if (may_act()) protocol_.publish();
}

// A pong that was taken is one that is not owed; but it may have come too late, and the answer to it before
// this. Who reads slowly may hear of the ping too late.
void EmulationClient::on_close_code(std::uint16_t code) {
  const bool owes = in_vain_ || !frames_.empty() || (!posters_.empty() && posters_.back()->unanswered() > 0);
  if (code == kNoPong && plan().healthy() && !owes) fail("closed for a pong that it has sent");
  protocol_.judge_end(code);
}

std::string EmulationClient::describe() const {
  constexpr const char* kFramings[] = {" by events", " by lines", " by lengths"};
  std::string text = Client::describe() + kFramings[static_cast<int>(stream_.framing())];
  if (!posters_.empty()) text += ", posting by a " + posters_.back()->describe();
  return text + protocol_.describe();
}

}  // namespace holdfast::sim
