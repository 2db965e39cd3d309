// Play: what one worker does in one phase. It is told by its herds what happens, begins with the next
// connection when its turn comes, and knows when it is done.
//
// Lives on its worker's thread from begin() until finished(); after that the controller reads its result.
// Invariant: done() only counts what was verified.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "herd.h"
#include "histogram.h"
#include "phase.h"

namespace holdfast::swarm {

class Publisher;

// What workers share during a run.
struct Stage {
  std::atomic<std::uint32_t> number{0};   // the phase that runs, from 1; 0 before the first
  std::atomic<std::uint32_t> give_up{0};  // the phase that is to end as it is
  std::atomic<bool> quit{false};
  std::atomic<std::uint32_t> begun{0};  // workers that have begun the fanout, or have sent all of a fanin
  std::atomic<std::uint64_t> published_ns{0};
  std::atomic<std::uint32_t> round{0};     // publications of this phase that have been sent
  std::atomic<std::int64_t> waiting{0};    // connections that have not received the last of them
  std::atomic<std::int64_t> listeners{0};  // connections that the next publication waits for
  std::atomic<bool> collecting{false};     // the collectors receive what is sent from here on
  std::atomic<std::uint64_t> sent{0};      // of a fanin
  std::atomic<std::uint64_t> received{0};  // of these, by the collector that has received the fewest
  std::atomic<bool> over{false};           // of fanout or fanin: nothing more will be sent
  std::uint32_t first_round = 0;           // of this phase in the run; written between phases
  std::uint64_t numbers = 0;               // connections have numbers below this; written before the run
  Publisher* publisher = nullptr;          // null without an HTTP API; written before the run

  void clear();  // for the next phase
  std::uint64_t in_flight() const {
    const std::uint64_t came = received.load();  // first: there are never fewer sent than received
    return sent.load() - came;
  }
};

struct Share {
  std::uint32_t worker = 0;
  std::uint32_t workers = 1;
  // This worker's part of `total`.
  std::uint32_t of(std::uint64_t total) const {
    return static_cast<std::uint32_t>(total * (worker + 1) / workers - total * worker / workers);
  }
  double of_rate(double rate) const { return rate / workers; }
};

struct Result {
  std::uint64_t expected = 0;
  std::uint64_t done = 0;
  Histogram connect;              // ns from opening the socket to being connected
  Histogram handshake;            // ns from opening the socket to the right answer
  Histogram latency;              // ns of what the phase does
  Histogram settled;              // ns until the server, or we, were done with a slow or vanished one
  std::vector<Histogram> rounds;  // fanout: arrivals of each round

  void merge(const Result& other);
};

class Play : public Events {
 public:
  Play(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : phase_(phase), share_(share), herds_(herds), desk_(desk), stage_(stage), begun_ns_(desk.now_ns) {}

  static std::unique_ptr<Play> make(const Phase& phase, Share share,
                                    std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage);

  virtual void turn() = 0;
  // Counts what is missing, and finishes.
  virtual void give_up() = 0;
  // When turn() wants to be called even if nothing happens.
  virtual std::uint64_t next_ns() const { return desk_.now_ns + kTurnNs; }
  bool finished() const { return finished_; }
  const Result& result() const { return result_; }

 protected:
  static constexpr std::uint64_t kTurnNs = 5'000'000;
  static constexpr double kSecondNs = 1e9;

  std::uint64_t since_begin_ns() const { return desk_.now_ns - begun_ns_; }
  std::uint32_t open_connections() const;
  // Whether the one at `place` is among `chosen` of `all`, spread evenly.
  static bool is_chosen(std::uint64_t place, std::uint64_t chosen, std::uint64_t all) {
    return (place + 1) * chosen / all > place * chosen / all;
  }
  // Calls visit(herd, slot) for every connection in `state`.
  template <class Visit>
  void for_each(State state, Visit visit) {
    for (const std::unique_ptr<Herd>& herd : herds_) {
      for (Index slot = 0; slot < herd->touched(); ++slot) {
        if ((*herd)[slot].state == state) visit(*herd, slot);
      }
    }
  }

  const Phase phase_;
  const Share share_;
  std::vector<std::unique_ptr<Herd>>& herds_;
  Desk& desk_;
  Stage& stage_;
  const std::uint64_t begun_ns_;
  Result result_;
  bool finished_ = false;
};

std::unique_ptr<Play> make_walk(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_open_loop(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_fanout(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_fanin(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_slow(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_vanish(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_opening(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_recover(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_drop(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);
std::unique_ptr<Play> make_return(const Phase&, Share, std::vector<std::unique_ptr<Herd>>&, Desk&, Stage&);

}  // namespace holdfast::swarm
