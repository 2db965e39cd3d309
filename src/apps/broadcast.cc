// holdfast-broadcast: sends every message to everybody who is connected, the sender included.
#include <holdfast/server.h>

#include "program_flags.h"

namespace {

constexpr std::string_view kEverybody = "everybody";

class Broadcast : public holdfast::Handler {
  void on_open(holdfast::Connection connection) override {
    if (!connection.subscribe(kEverybody)) connection.close(1013, "no room for another subscription");
  }

  void on_message(holdfast::Connection connection, holdfast::Message message) override {
    // A full mailbox means the shards are behind: the sender is told instead of losing a message silently.
    if (!server().publish(kEverybody, message)) connection.close(1013, "too much at once, try again later");
  }
};

}  // namespace

int main(int argc, char** argv) {
  return holdfast::run<Broadcast>(
      holdfast::apps::parse_flags(argc, argv, "holdfast-broadcast: sends every message to everybody."));
}
