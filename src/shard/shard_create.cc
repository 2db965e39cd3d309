// How a shard comes to be, and the walk that checks it.
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;

absl::StatusOr<std::unique_ptr<Shard>> Shard::create(const ShardOptions& options, const Config& config,
                                                     std::unique_ptr<ring::Ring> ring, base::Clock* clock,
                                                     base::Entropy* entropy, Handler* handler) {
  CHECK(options.neighbours != nullptr);
  CHECK(options.number < options.shards);
  CHECK(!options.listeners.empty());
  CHECK(options.sizes.slots <=
        65'536);  // at most 256 buckets in the kernel's table of armed requests (rule R4)
  auto memory = ShardMemory::create(options.sizes);
  if (!memory.ok()) return memory.status();
  if (absl::Status status = ring->register_slots(options.sizes.slots); !status.ok()) return status;
  return std::unique_ptr<Shard>(
      new Shard(options, config, *std::move(memory), std::move(ring), clock, entropy, handler));
}

Shard::Shard(const ShardOptions& options, const Config& config, ShardMemory memory,
             std::unique_ptr<ring::Ring> ring, base::Clock* clock, base::Entropy* entropy, Handler* handler)
    : options_(options),
      config_(config),
      limits_(config, options.shards),
      memory_(std::move(memory)),
      ring_(std::move(ring)),
      clock_(clock),
      random_(entropy->next()),
      handler_(handler),
      arena_(memory_.arena_state, memory_.arena, options.sizes.arena_bytes),
      frames_(&arena_),
      assemblies_(memory_.assembly_state, memory_.assemblies, options.sizes.slots, &arena_,
                  options.sizes.arena_bytes / 4 * 3),
      table_(memory_.table_state, memory_.slots, memory_.details, options.sizes.slots),
      wheel_(memory_.wheel_state, table_.first_timer(), sizeof(net::Slot), options.sizes.slots),
      outbox_({memory_.node_state, memory_.nodes, options.sizes.outbox_nodes}, &frames_),
      receive_pool_(options.sizes.receive_buffers, config.tuning.large_receive_buffers),
      ws_reader_({.message_bytes = config.max_message_bytes, .fragments = config.max_fragments},
                 &assemblies_),
      tcp_reader_(config.max_message_bytes, &assemblies_),
      topics_(options.topic_key,
              {memory_.subscription_state, memory_.subscriptions, options.sizes.subscriptions}),
      homes_(options.topic_key),
      tick_phase_ns_(net::kTickNs * limits_.ping_moments.grain() * options.number / options.shards),
      peer_queries_(memory_.query_state, memory_.queries, options.sizes.slots),
      interest_retries_(0, hub::TopicNameHash{options.topic_key}, hub::TopicNameEqual{}),
      forgetting_(0, hub::TopicNameHash{options.topic_key}, hub::TopicNameEqual{}) {
  for (const net::ListenerOptions& listener : options.listeners) {
    CHECK(listeners_.size() < 256);
    listeners_.emplace_back(listener, static_cast<std::uint8_t>(listeners_.size()));
  }
  // Twice the slots: an entry can outlive its slot's tenant until the list is walked.
  std::vector<Index>* const lists[] = {&ready_,     &uncertain_, &patient_, &reading_, &flush_,
                                       &flushing_,  &reap_,      &reaping_, &closing_, &drained_,
                                       &drain_due_, &due_,       &retry_};
  static_assert(std::size(lists) == Limits::kWorkLists);
  for (std::vector<Index>* list : lists) {
    list->reserve(2 * static_cast<std::size_t>(options.sizes.slots));
  }
  completions_.resize(Limits::kCompletionsPerReap);
  deferred_.reserve(Limits::kDeferredMaximum);
  deferring_.reserve(Limits::kDeferredMaximum);
}

Shard::~Shard() {
  CHECK(shared_handles_ == 0);
}

absl::Status Shard::start() {
  CHECK(!started_);
  base::set_check_context(&Shard::describe_work, this);
  if (absl::Status status = ring_->start(); !status.ok()) return status;
  started_ = true;
  now_ns_ = clock_->monotonic_ns();
  now_ = static_cast<time::Tick>(wheel_ns() / net::kTickNs);
  time::Wheel::format(memory_.wheel_state, now_);
  ring_->watch(neighbour().doorbell->descriptor(), ring::Tag{ring::Op::wake, 0, 0});
  running_on_this_thread(this);
  handler_->on_start();
  running_on_this_thread(nullptr);
  return absl::OkStatus();
}

void Shard::validate() {
  wheel_.validate();
  CHECK(receive_pool_.lent() == 0);
  std::uint32_t states[net::kStates] = {};
  std::uint32_t open = 0;
  std::size_t to_close = 0;
  for (Index index = 0; index < table_.capacity(); ++index) {
    const net::Slot& slot = table_[index];
    ++states[static_cast<int>(slot.state())];
    if (slot.state() == State::disarming && slot.in_flight == 0 && !slot.is(net::kQueuedReap)) ++to_close;
    if (slot.state() == State::free) {
      CHECK(slot.in_flight == 0);
      continue;
    }
    if (slot.is(net::kOpened)) ++open;
    CHECK(net::is_ending(slot.state()) || slot.timer.scheduled() || !limits_.ping_enabled ||
          slot.protocol() != Protocol::websocket);
    CHECK(net::is_ending(slot.state()) || slot.timer.scheduled() || !idles(slot) || draining_);
    // Never deaf: watched, or about to be read and then watched.
    CHECK(net::is_ending(slot.state()) || slot.in_kernel(net::kReadableArmed) ||
          slot.in_kernel(net::kQueryingPeer) || slot.is(net::kQueuedReady) || !slot.wants_input() ||
          !retry_.empty());
    CHECK(slot.input_limited == 0 || (slot.state() == State::open && slot.timer.scheduled()) ||
          net::is_ending(slot.state()));
    CHECK(slot.input_ended == 0 || slot.state() != State::open ||
          (slot.request_under_way != 0 && slot.answer_is_stream == 0));
    // Never mute: what is owed is on its way, waits for room, or waits for this turn.
    CHECK(net::is_ending(slot.state()) || slot.outbox_head == kNoIndex || slot.in_kernel(net::kSending) ||
          slot.in_kernel(net::kWritableArmed) || slot.is(net::kQueuedFlush) || !retry_.empty());
  }
  for (int state = 0; state < net::kStates; ++state) {
    CHECK(states[state] == table_.count(static_cast<State>(state)));
  }
  CHECK(open == connections_open_);
  CHECK(to_close == closing_.size());
}

}  // namespace holdfast::shard
