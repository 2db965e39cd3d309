// holdfast-target: what the swarm is pointed at. Sends every message back to where it came from; one that
// begins with '!' goes to everybody instead, the sender included, one with '?' to the collectors. Who sends
// '=' is a collector from then on, who sends '-' no longer.
#include <holdfast/server.h>

#include "../../src/apps/program_flags.h"

namespace {

constexpr std::string_view kEverybody = "everybody";
constexpr std::string_view kCollectors = "collectors";

class Target : public holdfast::Handler {
  void on_open(holdfast::Connection connection) override { subscribe(connection, kEverybody); }

  void on_message(holdfast::Connection connection, holdfast::Message message) override {
    switch (message.bytes.empty() ? '\0' : message.characters().front()) {
      case '!':
        return publish(connection, kEverybody, message);
      case '?':
        return publish(connection, kCollectors, message);
      case '=':
        return subscribe(connection, kCollectors);
      case '-':
        connection.unsubscribe(kCollectors);
        return;
      default:
        connection.send(message);
    }
  }

  static void subscribe(holdfast::Connection connection, std::string_view topic) {
    if (!connection.subscribe(topic)) connection.close(1013, "no room for another subscription");
  }
  void publish(holdfast::Connection connection, std::string_view topic, holdfast::Message message) {
    if (!server().publish(topic, message)) connection.close(1013, "too much at once, try again later");
  }
};

}  // namespace

int main(int argc, char** argv) {
  return holdfast::run<Target>(holdfast::apps::parse_flags(
      argc, argv, "holdfast-target: sends every message back, or to everybody when it begins with '!'."));
}
