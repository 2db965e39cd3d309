// admin::Node as it is in a simulation: linked in place of src/admin/node.cc, it knows nothing of the process
// and the host it really runs in, so that the same seed makes the same answers.
#include "admin/node.h"

namespace holdfast::admin {

Node::Node(std::uint32_t shards)
    : uid("00000000-0000-4000-8000-000000000001"), name("sim.invalid"), counters(shards) {}

NodeFacts Node::facts() const {
  NodeFacts facts;
  facts.uid = uid;
  facts.name = name;
  facts.version = "simulated";
  facts.uptime_s = 1;
  facts.cpu_percent = 1;
  facts.resident_bytes = resident_bytes();
  return facts;
}

double cpu_seconds() {
  return 1;
}

std::uint64_t resident_bytes() {
  return 1u << 20;
}

std::uint64_t open_descriptors() {
  return 10;
}

}  // namespace holdfast::admin
