// What the server says in JSON, as protoc's classes. Pure. False: a member that is not known, or not of its
// kind.
#pragma once

#include "client.pb.h"
#include "simdjson.h"

namespace holdfast::sim {

bool read_reply(const simdjson::dom::object& from, client::ServerReply& reply);
bool read_push(const simdjson::dom::object& from, client::Push& push);

}  // namespace holdfast::sim
