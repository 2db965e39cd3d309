// Machine: building shards on simulated rings, and letting them take turns.
#include "machine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kTurnsBetweenValidations = 16;

// Rings a bell that the simulated ring watches.
class SimulatedDoorbell final : public shard::Doorbell {
 public:
  explicit SimulatedDoorbell(ring::SimulatedWorld* world) : world_(world), event_(world->add_event()) {}
  void ring() override { world_->signal_event(event_); }
  int descriptor() const override { return event_; }

 private:
  ring::SimulatedWorld* world_;
  int event_;
};

}  // namespace

Machine::Machine(ring::SimulatedWorld* world, const MachineOptions& options, base::Entropy* entropy)
    : world_(world), options_(options), entropy_(entropy), topic_key_{entropy->next(), entropy->next()} {
  CHECK(here_ == nullptr);
  here_ = this;
}

Machine::~Machine() {
  here_ = nullptr;
}

void Machine::build_shards(const Config& config, const std::vector<std::unique_ptr<Handler>>& handlers) {
  CHECK(handlers.size() == options_.shards && parts_.empty());
  config_ = config;
  const std::size_t mailbox_bytes =
      std::max(options_.mailbox_bytes, shard::Mailbox::capacity_for(config.max_message_bytes));
  for (std::uint32_t number = 0; number < options_.shards; ++number) {
    neighbours_.push_back(
        std::make_unique<shard::Neighbour>(mailbox_bytes, std::make_unique<SimulatedDoorbell>(world_)));
  }
  for (std::uint32_t number = 0; number < options_.shards; ++number)
    build_shard(number, config_, handlers[number].get());
  for (auto& part : parts_) CHECK(part->shard->start().ok());
}

void Machine::build_shard(std::uint32_t number, const Config& config, Handler* handler) {
  auto part = std::make_unique<Part>();
  auto ring = std::make_unique<ring::SimulatedRing>(world_, options_.ring);
  part->ring = ring.get();
  neighbours_[number]->ring_descriptor = ring->descriptor();
  shard::ShardOptions options;
  options.number = number;
  options.shards = options_.shards;
  options.sizes = options_.sizes;
  options.topic_key = topic_key_;
  options.neighbours = &neighbours_;
  options.addresses = options_.addresses;
  options.close_listener = [this](int listener) { world_->close_listener(listener); };
  for (const Protocol protocol : options_.listeners) {
    net::ListenerOptions listener;
    listener.descriptor = world_->listen(options_.backlog);
    listener.protocol = protocol;
    listener.one_shot = config.tuning.one_shot_accept;
    // One enter brings in what waits, and what arrives while it waits for a batch.
    listener.backlog = 2 * options_.backlog;
    options.listeners.push_back(listener);
    part->listeners.push_back(listener.descriptor);
  }
  auto shard = shard::Shard::create(options, config, std::move(ring), &world_->clock(), entropy_, handler);
  CHECK(shard.ok());
  part->shard = *std::move(shard);
  parts_.push_back(std::move(part));
}

bool Machine::push(std::uint32_t shard, const shard::Letter& letter) {
  if (shard >= neighbours_.size()) return false;
  if (shard::Shard* here = shard::Shard::current(); here != nullptr) return here->push_request(shard, letter);
  if (!neighbours_[shard]->requests.push(letter)) return false;
  neighbours_[shard]->wake();
  return true;
}

bool Machine::turn() {
  std::vector<Part*> able, ready;
  for (auto& part : parts_) {
    if (!part->running || part->held) continue;
    able.push_back(part.get());
    if (part->ring->ready()) ready.push_back(part.get());
  }
  if (able.empty()) return false;
  const std::vector<Part*>& eligible = ready.empty() ? able : ready;
  Part& part = *eligible[world_->random().below(eligible.size())];
  ++turns_;
  if (!part.shard->turn()) {
    part.running = false;
    part.ring->retire();
  } else if (turns_ % kTurnsBetweenValidations == 0 && part.ring->receives() == 0) {
    // A receive that the kernel refused to take in holds its buffer from turn to turn; validate() knows only
    // calm.
    part.shard->validate();
  }
  return true;
}

void Machine::hold(std::uint32_t shard) {
  parts_[shard]->held = true;
  parts_[shard]->ring->retire();
}

void Machine::let_go(std::uint32_t shard) {
  parts_[shard]->held = false;
  parts_[shard]->ring->revive();
}

bool Machine::running() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->running; });
}

std::uint32_t Machine::slots_used() const {
  std::uint32_t used = 0;
  for (const auto& part : parts_) used += part->ring->slots_used();
  return used;
}

std::uint64_t Machine::counted(std::string_view name) const {
  std::uint64_t sum = 0;
  for (const auto& part : parts_) {
    const shard::Counters& counters = part->shard->counters();
#define HOLDFAST_SIM_COUNTER(field) \
  if (name == #field) sum += counters.field.get();
    HOLDFAST_COUNTERS(HOLDFAST_SIM_COUNTER)
#undef HOLDFAST_SIM_COUNTER
  }
  return sum;
}

bool Machine::stop_within(std::uint32_t turns) {
  for (auto& neighbour : neighbours_) {
    neighbour->stop_wanted.store(true);
    neighbour->wake();
  }
  while (running() && turns > 0) {
    turn();
    --turns;
  }
  if (!running()) return true;
  for (auto& part : parts_) static_cast<void>(part.release());
  return false;
}

}  // namespace holdfast::sim
