// The whole of an echo server, as a user of the installed library writes it. tests/embed/run builds it
// outside the tree.
#include <holdfast/server.h>

class Echo : public holdfast::Handler {
  void on_message(holdfast::Connection connection, holdfast::Message message) override {
    connection.send(message);  // copies into the outbox; the view dies with this call
  }
};

int main() {
  holdfast::Config config;
  config.listen = {"127.0.0.1:8000"};
  // One Echo per shard; SIGTERM drains; errors go to stderr with the next step.
  return holdfast::run<Echo>(config);
}
