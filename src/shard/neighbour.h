// Neighbour: what every thread may touch of a shard. Everything else belongs to the shard's own thread.
//
// Two mailboxes, so that no circle of full mailboxes can form: a shard may leave a publish waiting in
// `requests` while some other shard's `deliveries` is full, but it always empties its own `deliveries`, which
// waits for nobody. Invariant: after a push, either wake_pending was set already and the shard has yet to
// look, or the pusher wakes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "shard/mailbox.h"

namespace holdfast::shard {

// Wakes a shard from a thread that has no ring: an eventfd in production.
class Doorbell {
 public:
  virtual ~Doorbell() = default;
  virtual void ring() = 0;
  // What the shard's ring watches.
  virtual int descriptor() const = 0;
};

class EventDoorbell final : public Doorbell {
 public:
  EventDoorbell();
  ~EventDoorbell() override;
  EventDoorbell(const EventDoorbell&) = delete;
  EventDoorbell& operator=(const EventDoorbell&) = delete;
  void ring() override;
  int descriptor() const override { return descriptor_; }

 private:
  int descriptor_;
};

struct Neighbour {
  Neighbour(std::size_t mailbox_bytes, std::unique_ptr<Doorbell> bell)
      : requests(mailbox_bytes), deliveries(mailbox_bytes), doorbell(std::move(bell)) {}

  Mailbox requests;
  Mailbox deliveries;
  std::atomic<bool> wake_pending = false;
  std::atomic<bool> drain_wanted = false;
  std::atomic<bool> stop_wanted = false;
  std::atomic<bool> report_wanted = false;
  int ring_descriptor = -1;  // target of wake operations; set before the threads start
  std::unique_ptr<Doorbell> doorbell;

  // From a thread that is no shard.
  void wake() {
    if (!wake_pending.exchange(true)) doorbell->ring();
  }
};

using Neighbours = std::vector<std::unique_ptr<Neighbour>>;

}  // namespace holdfast::shard
