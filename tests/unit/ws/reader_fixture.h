// A Reader with memory of its own, a record of what it reported, and ways to feed it one stream in many
// pieces.
//
// What happened is one string, so that two readings are equal when the strings are: text[..], binary[..],
// ping[..], pong[..], close[code reason] for events and violation[code reason] at the end. For tests and fuzz
// targets.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/entropy.h"
#include "memory/assembly.h"
#include "memory/block_arena.h"
#include "ws/reader.h"

namespace holdfast::ws::testing {

class EventLog final : public Events {
 public:
  bool on_message(Opcode opcode, std::span<std::byte> payload) override {
    return add(opcode == Opcode::text ? "text[" : "binary[", payload);
  }
  bool on_ping(std::span<const std::byte> payload) override { return add("ping[", payload); }
  bool on_pong(std::span<const std::byte> payload) override { return add("pong[", payload); }
  bool on_close(std::uint16_t code, std::string_view reason) override {
    add("close[" + std::to_string(code) + " ", std::as_bytes(std::span(reason)));
    stopped = true;
    return false;
  }

  std::string text;
  std::uint32_t events = 0;
  std::uint32_t events_wanted = 0xffff'ffff;  // false is returned from this many on
  bool stopped = false;

 private:
  bool add(std::string_view start, std::span<const std::byte> payload) {
    text += start;
    text.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    text += ']';
    stopped = ++events >= events_wanted;
    return !stopped;
  }
};

// Zeroed memory, aligned as a shard's mapping is.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : start_(::operator new(bytes, kAlignment)) {
    std::memset(start_, 0, bytes);
  }
  ~Memory() { ::operator delete(start_, kAlignment); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(start_);
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  void* start_;
};

class ReaderWorld {
 public:
  static constexpr std::uint32_t kAssemblies = 64;

  explicit ReaderWorld(const ReaderLimits& limits = {}, std::size_t region_bytes = 1 << 20,
                       std::uint32_t assembly_capacity = kAssemblies)
      : arena_state_(memory::BlockArena::state_bytes(region_bytes)),
        region_(region_bytes),
        items_(sizeof(memory::Assembly) * assembly_capacity),
        arena(arena_state_.as<memory::BlockArenaState>(), region_.as<std::byte>(), region_bytes),
        assemblies(&pool_state_, items_.as<memory::Assembly>(), assembly_capacity, &arena),
        reader(limits, &assemblies) {}

  // Everything that was lent has come back.
  bool clean() const {
    return assemblies.used() == 0 && arena.used_bytes() == 0 && reader.contexts_lent() == 0;
  }

 private:
  Memory arena_state_;
  Memory region_;
  Memory items_;
  memory::PoolState pool_state_;

 public:
  memory::BlockArena arena;
  memory::AssemblyPool assemblies;
  Reader reader;
};

// One connection: bytes go in piece by piece, until it is closing.
class Connection {
 public:
  explicit Connection(ReaderWorld& world) : reader_(world.reader) {}
  ~Connection() { reader_.abandon(assembly); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False when the connection is closing. The piece is copied to a buffer of its own size, where a sanitizer
  // sees the first byte read beyond it.
  bool read(std::string_view piece) {
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(piece.size());
    std::memcpy(buffer.get(), piece.data(), piece.size());
    finish(reader_.consume(assembly, std::span(buffer.get(), piece.size()), log));
    return !over();
  }

  // Takes the front of `piece` the way a receive would, straight into the assembly, when the reader offers
  // that.
  bool receive(std::string_view piece) {
    while (!piece.empty() && !over()) {
      const std::span<std::byte> room = reader_.destination(assembly);
      if (room.empty()) return read(piece);
      const std::size_t count = std::min(room.size(), piece.size());
      std::memcpy(room.data(), piece.data(), count);
      finish(reader_.placed(assembly, count, log));
      piece.remove_prefix(count);
    }
    return !over();
  }

  bool over() const { return static_cast<bool>(violation) || log.stopped; }

  EventLog log;
  Violation violation;
  memory::Index assembly = memory::kNoIndex;

 private:
  void finish(const Violation& found) {
    if (!found) return;
    violation = found;
    log.text += "violation[" + std::to_string(found.code) + " " + found.reason + "]";
  }

  Reader& reader_;
};

enum class Receive { copied, straight_into_assembly };

// What a reader makes of `stream` cut into pieces of the given sizes, the last one taking what is left.
inline std::string read_in_pieces(ReaderWorld& world, std::string_view stream,
                                  const std::vector<std::size_t>& sizes, Receive receive = Receive::copied) {
  Connection connection(world);
  for (std::size_t i = 0; !stream.empty(); ++i) {
    const std::size_t count = i < sizes.size() ? std::min(sizes[i], stream.size()) : stream.size();
    const std::string_view piece = stream.substr(0, count);
    stream.remove_prefix(count);
    const bool go_on = receive == Receive::copied ? connection.read(piece) : connection.receive(piece);
    if (!go_on) break;
  }
  return connection.log.text;
}

inline std::string read_whole(ReaderWorld& world, std::string_view stream) {
  return read_in_pieces(world, stream, {});
}

inline std::string read_bytewise(ReaderWorld& world, std::string_view stream,
                                 Receive receive = Receive::copied) {
  return read_in_pieces(world, stream, std::vector<std::size_t>(stream.size(), 1), receive);
}

// Sizes that cut `stream_bytes` at random places: some runs of tiny pieces, some large ones.
inline std::vector<std::size_t> random_sizes(base::Random& random, std::size_t stream_bytes) {
  std::vector<std::size_t> sizes;
  for (std::size_t cut = 0; cut < stream_bytes;) {
    const std::size_t bound = random.below(3) == 0 ? 16 : 1 + stream_bytes / (1 + random.below(6));
    sizes.push_back(1 + random.below(bound));
    cut += sizes.back();
  }
  return sizes;
}

}  // namespace holdfast::ws::testing
