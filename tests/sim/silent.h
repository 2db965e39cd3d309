// A handler that answers nothing: for tests of what the server does by itself.
#pragma once

#include "holdfast/handler.h"

namespace holdfast::sim {

class Silent final : public Handler {
  void on_message(Connection, Message) override {}
};

}  // namespace holdfast::sim
