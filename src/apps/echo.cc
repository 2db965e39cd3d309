// holdfast-echo: sends every message back to where it came from. The smallest useful program on the public
// API.
#include <holdfast/server.h>

#include "program_flags.h"

namespace {

class Echo : public holdfast::Handler {
  void on_message(holdfast::Connection connection, holdfast::Message message) override {
    connection.send(message);
  }
};

}  // namespace

int main(int argc, char** argv) {
  return holdfast::run<Echo>(
      holdfast::apps::parse_flags(argc, argv, "holdfast-echo: sends every message back."));
}
