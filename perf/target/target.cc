// holdfast-target: what the swarm is pointed at. Sends every message back to where it came from; one that
// begins with '!' goes to everybody instead, the sender included.
#include <holdfast/server.h>

#include "../../src/apps/program_flags.h"

namespace {

constexpr std::string_view kEverybody = "everybody";
constexpr std::byte kPublished{'!'};

class Target : public holdfast::Handler {
  void on_open(holdfast::Connection connection) override {
    if (!connection.subscribe(kEverybody)) connection.close(1013, "no room for another subscription");
  }

  void on_message(holdfast::Connection connection, holdfast::Message message) override {
    if (message.bytes.empty() || message.bytes.front() != kPublished) {
      connection.send(message);
    } else if (!server().publish(kEverybody, message)) {
      connection.close(1013, "too much at once, try again later");
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  return holdfast::run<Target>(holdfast::apps::parse_flags(
      argc, argv, "holdfast-target: sends every message back, or to everybody when it begins with '!'."));
}
