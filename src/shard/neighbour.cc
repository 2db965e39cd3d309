// EventDoorbell: an eventfd. It is never read: the ring's multishot poll fires on each write, and a counter
// that only grows would take 2^64 writes to block.
#include "shard/neighbour.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace holdfast::shard {

EventDoorbell::EventDoorbell() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

EventDoorbell::~EventDoorbell() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventDoorbell::ring() {
  const std::uint64_t one = 1;
  ssize_t written = 0;
  do {
    written = ::write(descriptor_, &one, sizeof one);
  } while (written < 0 && errno == EINTR);
  CHECK(written == static_cast<ssize_t>(sizeof one));
}

}  // namespace holdfast::shard
