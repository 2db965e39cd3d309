// SimulatedRing, first half: queueing operations, and what the inline ones do when they are submitted.
#include "ring/simulated_ring.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace holdfast::ring {
namespace {

// Enough to notice that a buffer changed; eight bytes at a time, because every byte sent goes through it
// twice.
std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = bytes.size();
  for (std::size_t position = 0; position < bytes.size(); position += sizeof hash) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + position, std::min(sizeof word, bytes.size() - position));
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

SimulatedRing::SimulatedRing(SimulatedWorld* world, const SimulatedRingOptions& options)
    : world_(world), options_(options), descriptor_(world->add_ring(this)) {
  CHECK(options.submission_capacity > 0);
  CHECK(options.completion_capacity > 0);
}

SimulatedRing::~SimulatedRing() {
  *alive_ = false;
  // The kernel ends what is armed and empties the table when a ring goes away.
  for (Socket& socket : sockets_) {
    if (socket.connection != nullptr && !socket.connection->server_closed()) {
      socket.connection->server_close(false);
      --world_->open_sockets_;
    }
  }
  world_->remove_ring(descriptor_);
}

absl::Status SimulatedRing::start() {
  if (started_) violation("start() called twice");
  started_ = true;
  return absl::OkStatus();
}

absl::Status SimulatedRing::register_slots(std::uint32_t count) {
  if (!table_.empty()) violation("register_slots() called twice");
  table_.assign(count, kNoSocket);
  last_generation_.assign(count, 0xffff'ffffu);
  return absl::OkStatus();
}

void SimulatedRing::violation(const std::string& what) {
  world_->violation("ring " + std::to_string(descriptor_) + ": " + what);
}

void SimulatedRing::enqueue(const Operation& operation) {
  if (!started_) violation("an operation before start()");
  if (queue_.size() >= options_.submission_capacity) {
    ++statistics_.enters;
    issue_all();
  }
  queue_.push_back(operation);
}

// What all operations that name a slot have in common.
SimulatedRing::Operation SimulatedRing::on_slot(Op kind, memory::Index slot, Tag tag) {
  Operation operation;
  operation.kind = kind;
  operation.user_data = tag.packed();
  if (tag.op != kind) violation("the tag's op is not the operation's");
  if (tag.slot != slot) violation("the tag's slot is not the operation's");
  if (slot >= table_.size()) {
    violation("slot " + std::to_string(slot) + " is outside the table");
    return operation;
  }
  operation.socket = table_[slot];
  if (operation.socket == kNoSocket) {
    violation("operation on empty slot " + std::to_string(slot));
  } else {
    check_generation(sockets_[operation.socket], tag);
  }
  return operation;
}

// One tenancy of a slot has one generation, and the next tenancy another.
void SimulatedRing::check_generation(Socket& socket, Tag tag) {
  if (!socket.generation_known) {
    if (last_generation_[socket.slot] == tag.generation) {
      violation("slot " + std::to_string(socket.slot) + ": two tenants with one generation");
    }
    socket.generation_known = true;
    socket.generation = tag.generation;
    last_generation_[socket.slot] = tag.generation;
  } else if (socket.generation != tag.generation) {
    violation("slot " + std::to_string(socket.slot) + ": operation of another tenant's generation");
  }
}

void SimulatedRing::accept_multishot(int listener, Tag tag) {
  Operation operation;
  operation.kind = Op::accept;
  operation.user_data = tag.packed();
  operation.descriptor = listener;
  enqueue(operation);
}

void SimulatedRing::accept_once(int listener, SocketAddress* address, Tag tag) {
  Operation operation;
  operation.kind = Op::accept;
  operation.once = true;
  operation.user_data = tag.packed();
  operation.descriptor = listener;
  operation.address = address;
  enqueue(operation);
}

void SimulatedRing::arm_readable(memory::Index slot, Tag tag) {
  enqueue(on_slot(Op::readable, slot, tag));
}
void SimulatedRing::arm_writable(memory::Index slot, Tag tag) {
  enqueue(on_slot(Op::writable, slot, tag));
}

void SimulatedRing::watch(int descriptor, Tag tag) {
  Operation operation;
  operation.kind = Op::wake;
  operation.user_data = tag.packed();
  operation.descriptor = descriptor;
  enqueue(operation);
}

void SimulatedRing::receive(memory::Index slot, std::span<std::byte> into, Tag tag) {
  Operation operation = on_slot(Op::receive, slot, tag);
  operation.into = into;
  if (into.empty()) violation("receive into nothing");
  if (operation.socket != kNoSocket && sockets_[operation.socket].receives++ > 0) {
    violation("slot " + std::to_string(slot) + ": a receive while one is in flight");
  }
  auto next = receiving_.upper_bound(into.data());
  bool overlaps = next != receiving_.end() && next->first < into.data() + into.size();
  if (next != receiving_.begin()) overlaps = overlaps || std::prev(next)->second > into.data();
  if (overlaps) violation("slot " + std::to_string(slot) + ": two receives in flight share memory");
  receiving_[into.data()] = into.data() + into.size();
  enqueue(operation);
}

void SimulatedRing::send(memory::Index slot, std::span<const std::byte> from, Tag tag) {
  Operation operation = on_slot(Op::send, slot, tag);
  operation.from = from;
  operation.checksum = checksum(from);
  if (from.empty()) violation("send of nothing");
  if (operation.socket != kNoSocket && sockets_[operation.socket].sends++ > 0) {
    violation("slot " + std::to_string(slot) + ": a send while one is in flight");
  }
  enqueue(operation);
}

void SimulatedRing::cancel(Tag target, Tag tag) {
  std::uint64_t wanted = target.packed();
  bool known = armed_.contains(wanted) || ended_.contains(wanted) ||
               std::any_of(queue_.begin(), queue_.end(),
                           [wanted](const Operation& queued) { return queued.user_data == wanted; });
  if (!known) {
    violation("cancel of an operation that is not in the kernel: op " +
              std::to_string(static_cast<int>(target.op)) + " of slot " + std::to_string(target.slot));
  }
  Operation operation;
  operation.kind = Op::cancel;
  operation.user_data = tag.packed();
  operation.other = target.packed();
  enqueue(operation);
}

void SimulatedRing::peer_address(memory::Index slot, SocketAddress* address, Tag tag) {
  if (!options_.peer_address) violation("peer_address() without has_peer_address()");
  Operation operation = on_slot(Op::peer_address, slot, tag);
  operation.address = address;
  enqueue(operation);
}

void SimulatedRing::reset_on_close(memory::Index slot, Tag tag) {
  enqueue(on_slot(Op::reset_on_close, slot, tag));
}

void SimulatedRing::close(memory::Index slot, Tag tag) {
  enqueue(on_slot(Op::close, slot, tag));
}

void SimulatedRing::wake(int ring_descriptor, Tag tag, Tag failed) {
  Operation operation;
  operation.kind = Op::none;  // only its failure completes here
  operation.user_data = tag.packed();
  operation.descriptor = ring_descriptor;
  operation.other = failed.packed();
  enqueue(operation);
}

void SimulatedRing::submit() {
  ++statistics_.enters;
  flush_overflow();
  issue_all();
}

// Everything queued takes effect, or, when the kernel has no memory, what came first of it; the rest stays
// queued.
void SimulatedRing::issue_all() {
  std::size_t first = completions_.size();
  bool overflown = !overflow_.empty();
  std::size_t taken = queue_.size();
  const bool refused = taken > 0 && world_->count_operation(Op::none, nullptr) != 0;
  if (refused || (taken > 0 && world_->chance(world_->faults().submit_busy))) {
    taken = world_->random().below(taken + 1);
    ++statistics_.busy;
  }
  std::vector<Operation> rest(queue_.begin() + static_cast<std::ptrdiff_t>(taken), queue_.end());
  std::vector<Operation> batch;
  batch.swap(queue_);
  batch.resize(taken);
  queue_ = std::move(rest);
  statistics_.submitted += taken;
  for (const Operation& operation : batch) issue(operation);
  if (!overflown && overflow_.empty()) shuffle_from(first);
}

void SimulatedRing::issue(const Operation& operation) {
  switch (operation.kind) {
    case Op::accept:
    case Op::wake:
      return arm(operation);
    case Op::cancel:
      return issue_cancel(operation);
    case Op::none:
      return issue_wake(operation);
    default:
      break;
  }
  memory::Index slot = Tag::unpacked(operation.user_data).slot;
  SocketNumber holds = slot < table_.size() ? table_[slot] : kNoSocket;
  if (holds != operation.socket) {
    violation("slot " + std::to_string(slot) + " changed tenants between queueing and submit");
  }
  if (holds == kNoSocket || holds != operation.socket) return post(operation, -EBADF);
  Socket& socket = sockets_[holds];
  switch (operation.kind) {
    case Op::readable:
    case Op::writable:
      return arm(operation);
    case Op::receive:
      return issue_receive(operation, *socket.connection);
    case Op::send:
      return issue_send(operation, *socket.connection);
    case Op::peer_address:
      return issue_peer_address(operation, *socket.connection);
    case Op::reset_on_close:
      if (const std::int32_t error = world_->count_operation(Op::reset_on_close, socket.connection);
          error != 0)
        return post(operation, -error);
      if (options_.reset_on_close) socket.reset_on_close = true;
      return post(operation, options_.reset_on_close ? 0 : -EOPNOTSUPP);
    case Op::close:
      return issue_close(operation);
    default:
      CHECK(false);
  }
}

void SimulatedRing::issue_receive(const Operation& operation, SimulatedConnection& connection) {
  const FaultRates& faults = world_->faults();
  // Whatever happens, the buffer is the kernel's until the completion has been reaped.
  std::memset(operation.into.data(), 0xdd, std::min<std::size_t>(operation.into.size(), 256));
  if (const std::int32_t error = world_->count_operation(Op::receive, &connection); error != 0) {
    // As if the bytes arrived right after this attempt: so a wake-up follows.
    if (error == EAGAIN) wake_armed(sockets_[operation.socket].readable, SimulatedConnection::kIn);
    return fail(operation, error, connection);
  }
  if (world_->chance(faults.receive_failure)) {
    constexpr std::int32_t kErrors[] = {-ENOBUFS, -ENOMEM, -EINTR};
    return post(operation, kErrors[world_->random().below(std::size(kErrors))]);
  }
  std::size_t available = connection.input_bytes();
  std::uint64_t readable = sockets_[operation.socket].readable;
  if (available > 0 && world_->chance(faults.receive_again)) {
    // As if the bytes arrived right after this attempt: so a wake-up follows.
    wake_armed(readable, SimulatedConnection::kIn);
    return post(operation, -EAGAIN);
  }
  std::size_t count = std::min(operation.into.size(), available);
  bool late_rest = count > 1 && world_->chance(faults.partial_receive);
  if (late_rest) count = 1 + world_->random().below(count - 1);
  std::vector<std::byte> received(std::max<std::size_t>(count, 1));
  std::int32_t result = connection.server_receive(received);
  received.resize(result > 0 ? static_cast<std::size_t>(result) : 0);
  bool rest = connection.input_bytes() > 0;
  bool nonempty = result >= 0 && (rest || connection.input_ended());
  if (late_rest && rest) {
    // The rest arrived during the call: the flag may have missed it, the wake-up cannot.
    wake_armed(readable, SimulatedConnection::kIn);
    nonempty = world_->random().below(2) == 0;
  }
  Entry entry;
  entry.completion = Completion{operation.user_data, result, nonempty ? Completion::kNonempty : 0};
  entry.kind = operation.kind;
  entry.socket = operation.socket;
  entry.into = operation.into;
  entry.received = std::move(received);
  post(std::move(entry));
}

void SimulatedRing::issue_send(const Operation& operation, SimulatedConnection& connection) {
  const FaultRates& faults = world_->faults();
  if (checksum(operation.from) != operation.checksum) {
    violation("slot " + std::to_string(Tag::unpacked(operation.user_data).slot) +
              ": bytes of a send changed between queueing and submit");
  }
  if (const std::int32_t error = world_->count_operation(Op::send, &connection); error != 0)
    return fail(operation, error, connection);
  if (world_->chance(faults.send_failure)) {
    return post(operation, world_->random().below(2) == 0 ? -ENOBUFS : -ENOMEM);
  }
  if (world_->chance(faults.send_again)) return post(operation, -EAGAIN);
  std::span<const std::byte> from = operation.from;
  if (from.size() > 1 && world_->chance(faults.partial_send)) {
    from = from.first(1 + world_->random().below(from.size() - 1));
  }
  post(operation, connection.server_send(from));
}

// As planned. What is no want of memory or time means that the connection is gone.
void SimulatedRing::fail(const Operation& operation, std::int32_t error, SimulatedConnection& connection) {
  const bool passes = error == ENOBUFS || error == ENOMEM || error == EAGAIN || error == EINTR;
  if (!passes) connection.break_off(error);
  post(operation, -error);
}

void SimulatedRing::write_peer(const SimulatedConnection& connection, SocketAddress* address) {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(connection.port());
  peer.sin_addr.s_addr = htonl(connection.address());
  std::memcpy(address->bytes, &peer, sizeof peer);
  address->length = sizeof peer;
}

void SimulatedRing::issue_peer_address(const Operation& operation, SimulatedConnection& connection) {
  if (const std::int32_t error = world_->count_operation(Op::peer_address, &connection); error != 0)
    return fail(operation, error, connection);
  if ((connection.poll_mask() & SimulatedConnection::kHangUp) != 0) return post(operation, -ENOTCONN);
  if (operation.address->length != sizeof(sockaddr_in)) return post(operation, -EINVAL);
  write_peer(connection, operation.address);
  post(operation, static_cast<std::int32_t>(operation.address->length));
}

void SimulatedRing::issue_close(const Operation& operation) {
  Socket& socket = sockets_[operation.socket];
  if (socket.armed > 0) {
    violation("slot " + std::to_string(socket.slot) + ": closed under " + std::to_string(socket.armed) +
              " armed operation(s): the socket leaks (rule R4)");
  }
  table_[socket.slot] = kNoSocket;
  hint_ = socket.slot;
  --slots_used_;
  socket.in_table = false;
  post(operation, 0);
  release_if_unused(socket);
}

void SimulatedRing::issue_cancel(const Operation& operation) {
  auto found = armed_.find(operation.other);
  if (found == armed_.end()) return post(operation, -ENOENT);  // it has just ended by itself
  Armed& target = found->second;
  if (target.cancelled) return post(operation, -EALREADY);
  target.cancelled = true;
  target.end_result = -ECANCELED;
  std::int32_t result = 0;
  const std::int32_t planned = world_->count_operation(Op::cancel, nullptr);
  if (planned != 0 || world_->chance(world_->faults().cancel_race)) {
    result = world_->random().below(2) == 0 ? -EALREADY : -ENOENT;
    if (planned != 0) result = -planned;
    if (world_->random().below(2) == 0) target.end_result = 0;
  }
  if (world_->chance(world_->faults().cancel_late)) {
    std::uint64_t user_data = operation.other;
    world_->schedule(world_->random().below(20'000'000), [this, user_data, alive = alive_] {
      if (*alive) wake_armed(user_data, 0);
    });
  } else {
    wake_armed(operation.other, 0);
  }
  post(operation, result);
}

void SimulatedRing::issue_wake(const Operation& operation) {
  SimulatedRing* target = world_->find_ring(operation.descriptor);
  Entry entry;
  entry.kind = Op::wake;
  const std::int32_t planned = world_->count_operation(Op::wake, nullptr);
  if (target != nullptr && planned == 0 && !world_->chance(world_->faults().wake_failure)) {
    entry.completion.user_data = operation.user_data;
    target->inbox_.push_back(std::move(entry));
    return;
  }
  entry.completion.user_data = operation.other;
  entry.completion.result = target == nullptr ? -EBADFD : -EOVERFLOW;
  if (planned != 0) entry.completion.result = -planned;
  post(std::move(entry));
}

void SimulatedRing::arm(const Operation& operation) {
  auto [place, fresh] = armed_.try_emplace(operation.user_data);
  if (!fresh) {
    violation("armed twice: op " + std::to_string(static_cast<int>(operation.kind)) + " of slot " +
              std::to_string(Tag::unpacked(operation.user_data).slot));
    return post(operation, -EINVAL);
  }
  place->second.operation = operation;
  if (operation.socket != kNoSocket) {
    Socket& socket = sockets_[operation.socket];
    std::uint64_t& armed_here = operation.kind == Op::readable ? socket.readable : socket.writable;
    if (armed_here != 0) violation("slot " + std::to_string(socket.slot) + ": two polls of one kind");
    armed_here = operation.user_data;
    ++socket.armed;
  }
  if (operation.kind == Op::wake) {
    watched_.push_back(operation.user_data);
    // Like an eventfd that was written before and not read since.
    std::size_t event = static_cast<std::size_t>(operation.descriptor - SimulatedWorld::kFirstEvent);
    if (world_->events_signalled_.at(event)) place->second.mask = SimulatedConnection::kIn;
  }
  if (operation.kind == Op::accept) accepting_.push_back(operation.user_data);
  bool poll = operation.kind == Op::readable || operation.kind == Op::writable;
  const SimulatedConnection* polled =
      operation.socket != kNoSocket ? sockets_[operation.socket].connection : nullptr;
  if (poll) {
    if (const std::int32_t error = world_->count_operation(operation.kind, polled); error != 0)
      return end(operation.user_data, -error);
  }
  if (poll && world_->chance(world_->faults().arm_failure)) return end(operation.user_data, -ENOMEM);
  wake_armed(operation.user_data, 0);  // looks at once whether there is something to report
}

std::string SimulatedRing::describe() const {
  return "simulated ring: submission " + std::to_string(options_.submission_capacity) + ", completion " +
         std::to_string(options_.completion_capacity) +
         (options_.peer_address ? ", peer address" : ", no peer address");
}

}  // namespace holdfast::ring
