// Shard: one thread, one ring, one slab of slots, one timer wheel, and its part of the topics.
//
// turn() is the whole server in one function: reap what the kernel has finished, read what is ready and hand
// messages to the handler, take in what other shards sent, fire timers, write what is owed, finish what is
// ending, sleep. It is in shard.cc; the steps are in shard_accept.cc, shard_read.cc, shard_handshake.cc,
// shard_protocol.cc, shard_write.cc, shard_flush.cc, shard_share.cc, shard_end.cc, shard_time.cc and
// shard_hub.cc. Everything here is touched by the shard's own thread only, except where a comment says
// otherwise. Invariants, CHECKed by validate(): every open connection is watched, being armed, waiting in the
// ready list, or paused (never deaf); a slot is free only when nothing of it is in the kernel; at most one
// send per slot is.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "holdfast/config.h"
#include "holdfast/handler.h"
#include "holdfast/shared_message.h"
#include "http/upgrade.h"
#include "hub/homes.h"
#include "hub/topics.h"
#include "memory/frame.h"
#include "net/address.h"
#include "net/address_counts.h"
#include "net/connection_table.h"
#include "net/listener.h"
#include "net/outbox.h"
#include "net/receive_pool.h"
#include "net/ticks.h"
#include "ring/ring.h"
#include "shard/counters.h"
#include "shard/limits.h"
#include "shard/neighbour.h"
#include "shard/shard_memory.h"
#include "shard/watchdog.h"
#include "tcp/reader.h"
#include "time/wheel.h"
#include "ws/reader.h"

namespace holdfast::shard {

inline constexpr std::size_t kProtocols = 3;

struct ShardOptions {
  std::uint32_t number = 0;
  std::uint32_t shards = 1;
  ShardSizes sizes;  // slots include one spare for each listener but the first
  std::vector<net::ListenerOptions> listeners;
  base::SipKey topic_key;                   // the same on every shard of a server
  Neighbours* neighbours = nullptr;         // one per shard, this one included; outlives the shard
  net::AddressCounts* addresses = nullptr;  // of all shards; nullptr: nobody counts
  // Called with each listening descriptor once the kernel no longer accepts on it.
  std::function<void(int)> close_listener;
};

class Shard {
 public:
  // `config`, `clock` and `handler` must outlive the shard. Reserves memory and the file table. The listening
  // descriptors are handed to close_listener when the shard stops accepting.
  static absl::StatusOr<std::unique_ptr<Shard>> create(const ShardOptions& options, const Config& config,
                                                       std::unique_ptr<ring::Ring> ring, base::Clock* clock,
                                                       base::Entropy* entropy, Handler* handler);
  ~Shard();

  // On the shard's thread: start(), then turn() until it returns false (stopped, everything released).
  absl::Status start();
  bool turn();

  // The shard whose turn is running on this thread, or nullptr.
  static Shard* current() { return running_here_; }

  // What Connection and Server offer, on the shard's thread.
  SendResult send(memory::Index index, std::uint32_t generation, const Message& message);
  SendResult send(memory::Index index, std::uint32_t generation, const SharedMessage& message);
  void close(memory::Index index, std::uint32_t generation, std::uint16_t code, std::string_view reason);
  void ping(memory::Index index, std::uint32_t generation,
            std::optional<std::chrono::milliseconds> pong_timeout);
  bool subscribe(memory::Index index, std::uint32_t generation, std::string_view topic);
  bool unsubscribe(memory::Index index, std::uint32_t generation, std::string_view topic);
  bool publish(std::string_view topic, const Message& message);
  net::Slot* find(memory::Index index, std::uint32_t generation) { return table_.find(index, generation); }
  std::uint32_t outbox_messages(const net::Slot& slot) const { return outbox_.frames(slot); }
  PeerAddress peer(memory::Index index);
  void prefetch(memory::Index index) const { table_.prefetch(index); }
  void pause_input(memory::Index index, std::uint32_t generation);
  void resume_input(memory::Index index, net::Slot& slot);
  void begin_request(net::Slot& slot);
  void begin_stream(memory::Index index, net::Slot& slot);
  void end_request(memory::Index index, net::Slot& slot);
  // A letter for another shard's requests or this one's. False when its mailbox is full.
  bool push_request(std::uint32_t shard, const Letter& letter);

  // What Handler offers.
  Handler& handler() { return *handler_; }
  std::uint64_t handler_now_ns() const { return now_ns_ - gaps_ns_; }
  std::uint64_t wall_ns() const { return clock_->wall_ns(); }
  void wake_handler_at(std::uint64_t time_ns) { wake_at_ns_ = time_ns; }
  SharedMessage share(const Message& message);
  // Another handle of the same, and the end of one.
  void retain(const SharedMessage& message);
  void release(const SharedMessage& message);

  std::uint32_t number() const { return options_.number; }
  const Counters& counters() const { return counters_; }     // any thread
  const Heartbeat& heartbeat() const { return heartbeat_; }  // any thread
  const ring::Ring& ring() const { return *ring_; }
  // Walks everything and CHECKs the invariants. For tests and simulations.
  void validate();
  // How many tenants a slot has had. For tests.
  std::uint32_t generation(memory::Index index) { return table_[index].generation; }
  // The most that frames and incomplete input ever had together. For tests.
  std::size_t message_memory_peak() const { return arena_.peak_bytes(); }

 private:
  class WebSocketEvents;
  class LengthPrefixedMessages;

  Shard(const ShardOptions& options, const Config& config, ShardMemory memory,
        std::unique_ptr<ring::Ring> ring, base::Clock* clock, base::Entropy* entropy, Handler* handler);

  // shard.cc
  void read_clock();
  void reap_completions();
  void dispatch_deferred();
  void dispatch(const ring::Completion& completion);
  void wake_done(const ring::Completion& completion);
  void count();
  void sleep();
  bool work_left() const;
  void stopped();
  std::uint64_t sleep_limit_ns() const;
  std::uint64_t deadline_limit_ns() const;
  std::uint64_t wheel_ns() const { return now_ns_ - gaps_ns_ + tick_phase_ns_; }
  void plan_batch(ring::Wait& wait);
  Neighbour& neighbour() { return *(*options_.neighbours)[options_.number]; }
  static void running_on_this_thread(Shard* shard);
  static void describe_work(void* shard, char* buffer, unsigned capacity);

  // shard_accept.cc
  void adjust_listeners();
  std::uint32_t clients_admitted(std::uint32_t free_slots);
  bool address_admitted(memory::Index index, net::Slot& slot, const PeerAddress& peer);
  bool listeners_idle() const;
  void accept_done(const ring::Completion& completion);
  void peer_address_done(memory::Index index, net::Slot& slot, const ring::Completion& completion);
  void arrived(memory::Index index, net::Slot& slot, const ring::SocketAddress& address);
  void watch(memory::Index index, net::Slot& slot);

  // shard_read.cc
  void queue_ready(memory::Index index, net::Slot& slot);
  void readable(memory::Index index, net::Slot& slot, const ring::Completion& completion);
  void read_ready();
  std::size_t read_all(std::span<const memory::Index> list);
  void read_share(std::vector<memory::Index>& list);
  std::vector<memory::Index>& read_list(const net::Slot& slot);
  bool queue_receive(memory::Index index);
  std::span<std::byte> buffer_of(const net::Slot& slot, memory::Index buffer);
  std::span<std::byte> receive_in_place(const net::Slot& slot);
  std::size_t offered_in_place(const net::Slot& slot);
  void charge_input(memory::Index index, net::Slot& slot, std::size_t bytes, std::uint64_t messages);
  void read_again(memory::Index index, net::Slot& slot);
  static void adapt_receive_size(net::Slot& slot, std::size_t count);
  void receive_done(memory::Index index, net::Slot& slot, const ring::Completion& completion);
  void receive_failed(memory::Index index, net::Slot& slot, int error);
  void input_ended(memory::Index index, net::Slot& slot);

  // shard_handshake.cc
  void handshake_input(memory::Index index, std::span<std::byte> bytes);
  void behind_handshake(memory::Index index, std::span<std::byte> bytes, std::size_t head_bytes);
  void handshake_head(memory::Index index, std::string_view text);
  void admit(memory::Index index, const http::RequestHead& head);
  bool plain_request_decided(memory::Index index, const http::RequestHead& head);
  void admit_unasked(memory::Index index);
  void opened(memory::Index index, std::uint64_t word);
  void reject(memory::Index index, http::Status status);

  // shard_protocol.cc
  void input(memory::Index index, std::span<std::byte> bytes);
  void open_input(memory::Index index, std::span<std::byte> bytes);
  void placed(memory::Index index, std::size_t count);
  void websocket_input(memory::Index index, std::span<std::byte> bytes);
  void after_websocket(memory::Index index, const ws::Violation& violation, memory::Index assembly_before,
                       bool message_seen);
  void length_prefixed_input(memory::Index index, std::span<std::byte> bytes);
  void after_length_prefixed(memory::Index index, tcp::Verdict verdict, memory::Index assembly_before,
                             bool message_seen);
  void http_input(memory::Index index, std::span<std::byte> bytes);
  void note_assembly(memory::Index index, memory::Index assembly_before, bool message_seen);
  void violated(memory::Index index, std::uint16_t code, std::string_view reason);
  void abandon_input(memory::Index index);

  // shard_write.cc
  memory::Index encode(Protocol protocol, MessageType type, std::span<const std::byte> payload);
  memory::Index encode_length_prefixed(std::span<const std::byte> payload);
  memory::Index encode_websocket(ws::Opcode opcode, std::span<const std::byte> payload);
  memory::Index encode_raw(std::string_view bytes);
  memory::Index claim_frame(std::size_t bytes);
  bool push(net::Slot& slot, memory::Index frame);
  SendResult enqueue(memory::Index index, net::Slot& slot, memory::Index frame);
  bool beyond_its_bound(const net::Slot& slot, std::size_t bytes) const;
  bool beyond_its_share(const net::Slot& slot, std::size_t bytes) const;
  bool evict_hoarders();
  void overflowed(memory::Index index, net::Slot& slot);
  std::uint16_t slow_code() const;
  // Without framing an empty message is none.
  static bool says_nothing(Protocol protocol, std::span<const std::byte> payload) {
    return protocol == Protocol::http && payload.empty();
  }
  static SendResult queue_state(const net::Slot& slot) {
    return slot.is(net::kBacklogged) ? SendResult::backlogged : SendResult::queued;
  }
  static bool taken(SendResult result) {
    return result == SendResult::queued || result == SendResult::backlogged;
  }
  bool send_control(memory::Index index, ws::Opcode opcode, std::span<const std::byte> payload);
  void send_close(memory::Index index, std::uint16_t code, std::string_view reason);
  void send_done(memory::Index index, net::Slot& slot, const ring::Completion& completion);
  void writable_done(memory::Index index, net::Slot& slot, const ring::Completion& completion);
  void send_failed(memory::Index index, net::Slot& slot, int error);
  void backlogged(memory::Index index, net::Slot& slot);
  void outbox_emptied(memory::Index index, net::Slot& slot);
  void call_drained();

  // shard_flush.cc
  void queue_flush(memory::Index index, net::Slot& slot);
  void flush();
  bool flush_one(memory::Index index);
  bool flush_early();
  void reap_sends();

  // shard_share.cc
  std::span<const std::byte> payload_of(const SharedMessage& message);

  // shard_end.cc
  void flush_then_end(memory::Index index);
  void all_said(memory::Index index, net::Slot& slot);
  void drop(memory::Index index, std::uint16_t code);
  void end(memory::Index index);
  void reap_ended();
  void tell_closed(memory::Index index);
  void release_when_joined(memory::Index index);
  void close_some();
  void close_done(memory::Index index, net::Slot& slot, const ring::Completion& completion);
  void set_close_reason(memory::Index index, std::string_view reason);

  // shard_time.cc
  void fire_timers();
  void call_timer();
  void deadline(memory::Index index);
  void open_deadline(memory::Index index, net::Slot& slot);
  void call_drain();
  void close_for_drain(memory::Index index, net::Slot& slot);
  void send_ping(memory::Index index, net::Slot& slot, std::optional<time::Tick> pong_timeout);
  bool pinged(const net::Slot& slot) const;
  bool idles(const net::Slot& slot) const;
  time::Tick ping_due(memory::Index index, const net::Slot& slot) const;
  void schedule_open(memory::Index index, net::Slot& slot);
  void read_wishes();
  void begin_drain();
  void begin_stop();
  void sweep();
  void retry_transient();

  // shard_hub.cc
  void read_mailboxes();
  bool take_request(const Letter& letter);
  bool take_interest(const Letter& letter);
  void take_delivery(const Letter& letter);
  void stop_forgetting(std::string_view topic);
  void drop_requests();
  bool forward(const Letter& letter);
  void deliver(std::string_view topic, const Message& message);
  bool push_to(std::uint32_t shard, bool delivery, const Letter& letter);
  void wake(std::uint32_t shard);
  Letter interest_letter(std::string_view topic, bool interested) const;
  void announce_interest(std::string_view topic, bool interested);
  void retry_interest();
  void leave_topics(net::Slot& slot);

  static inline constinit thread_local Shard* running_here_ = nullptr;

  const ShardOptions options_;
  const Config& config_;
  const Limits limits_;
  ShardMemory memory_;
  std::unique_ptr<ring::Ring> ring_;
  base::Clock* clock_;
  base::Random random_;
  Handler* handler_;
  Counters counters_;

  memory::BlockArena arena_;
  memory::FramePool frames_;
  memory::AssemblyPool assemblies_;
  net::ConnectionTable table_;
  time::Wheel wheel_;
  net::Outbox outbox_;
  net::ReceivePool receive_pool_;
  std::vector<net::Listener> listeners_;
  http::AcceptKey accept_key_;
  ws::Reader ws_reader_;
  tcp::Reader tcp_reader_;
  hub::Topics topics_;
  hub::Homes homes_;

  // Time: real nanoseconds at the start of the turn, and the ticks deadlines are kept in, which leave out
  // gaps in which this thread did not run (a stopped process must not expire every ping at once).
  std::uint64_t now_ns_ = 0;
  std::uint64_t gaps_ns_ = 0;
  const std::uint64_t tick_phase_ns_;  // shards tick one after the other, so that their pings do not meet
  std::uint64_t last_wait_ns_ = 0;
  time::Tick now_ = 0;
  std::uint64_t wake_at_ns_ = 0;  // when on_timer is owed, as handler_now_ns() counts; 0: never

  std::uint32_t shared_handles_ = 0;  // SharedMessages that are not empty

  // Work lists of slots. Vectors, not links in the slots: they are walked in order, touch only what is
  // queued, and are reserved for every slot at start. A slot is in each at most once (the kQueued flags).
  std::vector<memory::Index> ready_;      // to read, in order of readiness: the brief
  std::vector<memory::Index> uncertain_;  // to read when those have been: some of them in a turn
  std::vector<memory::Index> patient_;    // as well
  std::vector<memory::Index> reading_;    // the part of ready_ being read this turn
  std::vector<memory::Index> flush_;      // to write
  std::vector<memory::Index> flushing_;
  std::vector<memory::Index> reap_;  // to tell or finish
  std::vector<memory::Index> reaping_;
  std::vector<memory::Index> closing_;    // nothing of them is in the kernel: some are closed in a turn
  std::vector<memory::Index> drained_;    // on_drained is owed
  std::vector<memory::Index> drain_due_;  // on_drain is owed, and the end
  std::vector<memory::Index> due_;        // deadlines of this turn
  std::vector<memory::Index> retry_;      // operations the kernel had no memory for; tried again next tick
  time::Tick retried_at_ = 0;
  std::vector<ring::Completion> completions_;
  std::vector<ring::Completion> deferred_;  // reaped by an early flush, not looked at yet
  std::vector<ring::Completion> deferring_;
  memory::Pool<ring::SocketAddress> peer_queries_;  // memory of address queries in the kernel

  // News for homes whose mailbox was full: topic, interested.
  absl::flat_hash_map<std::string, bool, hub::TopicNameHash, hub::TopicNameEqual> interest_retries_;
  // Topics whose home was told that the interest has ended and has not answered, and how often. What it
  // delivers until then was meant for subscribers that have gone: those who came since would get it, miss
  // what it did not deliver in between, and go on with a gap (rule R10).
  absl::flat_hash_map<std::string, std::uint32_t, hub::TopicNameHash, hub::TopicNameEqual> forgetting_;
  hub::ShardSet forward_left_;    // shards the publication at the head of `requests` has yet to go to
  bool forward_stalled_ = false;  // it waits because one of their mailboxes is full
  bool answer_stalled_ = false;   // so does the end of an interest, for its answer
  bool letters_left_ = false;     // this turn's budget of letters ran out
  bool deadlines_left_ = false;   // this turn's budget of deadlines ran out

  std::uint32_t events_this_turn_ = 0;  // wake-ups reaped in this turn: how busy we are
  std::uint32_t pings_this_turn_ = 0;
  std::uint32_t accepted_this_turn_ = 0;  // until its closes
  bool evicting_ = false;
  memory::Index evict_cursor_ = 0;
  std::uint64_t nobody_hoards_at_ = ~std::uint64_t{0};  // the last turn in which all were looked at in vain
  // Frame that the pings of one fire_timers() share; kNoIndex outside of it.
  memory::Index ping_frame_ = memory::kNoIndex;
  std::uint32_t pongs_expected_ = 0;   // on a shard that is otherwise quiet
  std::uint64_t messages_before_ = 0;  // counters_.messages_in at the end of the turn before
  std::uint32_t connections_open_ = 0;
  std::array<std::byte, ws::kControlPayloadMaximumBytes> pong_payload_ = {};
  bool started_ = false;
  bool draining_ = false;
  bool stopping_ = false;
  time::Tick hard_stop_ = 0;
  bool sweeping_ = false;  // a drain or stop is walking over the slots
  memory::Index sweep_cursor_ = 0;
  Heartbeat heartbeat_;
  std::uint64_t accepts_ns_ = 0;     // the account of the accept rate
  bool accepts_paused_ = false;      // at that rate nobody may come in now
  std::uint32_t slots_of_http_ = 0;  // taken by connections to listen_http
};

}  // namespace holdfast::shard
