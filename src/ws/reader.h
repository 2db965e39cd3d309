// Reader: what a connection's bytes mean, in order: messages, pings, pongs, a close, or a violation.
//
// One per shard; per-connection state exists only while a message is incomplete, in an Assembly
// from the shard's pool. Three ways through, which must agree (differential fuzz target): the
// short path for a whole frame inside one buffer (unmasked in place; a message handed out as a view,
// a fragment put behind those before it); the bulk path for an unfragmented data frame that spans
// reads (a big one received straight into its assembly; wslay alone costs 7.4 us for 16 KiB); and
// wslay, with a context borrowed from a pool until the frame's end, for what is left: fragments and
// control frames that span reads. So the pool, which is small, can run out only for these, whoever
// else sends in pieces; and a flood of little fragments costs little.
// The message rules (fragmentation, UTF-8 at the first bad byte, limits) are the same code for all
// three. Any split of the same bytes gives the same events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "memory/assembly.h"
#include "memory/index.h"
#include "ws/close_code.h"
#include "ws/frame.h"

namespace holdfast::ws {

class ContextPool;
struct Progress;

// The rest of an unfragmented data frame of at least this many bytes is received straight into its assembly.
inline constexpr std::size_t kInPlaceMinimumBytes = 4096;

struct ReaderLimits {
  std::uint32_t message_bytes = 64 * 1024;  // whole message; 1009 as soon as a header announces more
  std::uint32_t fragments = 1024;           // frames of one message; 1008 beyond
  std::uint32_t contexts = 1024;            // wslay contexts lent at once; 1013 beyond
  bool always_wslay = false;                // for the differential tests: no short path, no bulk path
};

// Receives events. Each returns false when the connection wants no more of them (it is closing): reading
// stops there and what is left of the bytes is dropped. Views die with the call.
class Events {
 public:
  virtual bool on_message(Opcode text_or_binary, std::span<std::byte> payload) = 0;
  virtual bool on_ping(std::span<const std::byte> payload) = 0;
  virtual bool on_pong(std::span<const std::byte> payload) = 0;
  // `code` is kNoStatus when the frame carried none.
  virtual bool on_close(std::uint16_t code, std::string_view reason) = 0;

 protected:
  ~Events() = default;
};

struct Violation {
  std::uint16_t code = 0;        // 0: none. Otherwise the close code to send
  const char* reason = nullptr;  // static text
  explicit operator bool() const { return code != 0; }
};

class Reader {
 public:
  Reader(const ReaderLimits& limits, memory::AssemblyPool* assemblies);
  ~Reader();

  // Reads `bytes`, which it may overwrite (unmasking). `assembly` is the connection's: kNoIndex when nothing
  // is incomplete, claimed and released here. After a violation or a false from an event, the connection must
  // be abandoned.
  Violation consume(memory::Index& assembly, std::span<std::byte> bytes, Events& events);

  // Where the connection's next bytes can be received without a copy: room in its assembly when a big payload
  // is under way, else empty. placed() then takes in the `count` bytes received there.
  // destination() may move what is stored to make room; offered() is what it gave, until either is used.
  std::span<std::byte> destination(memory::Index assembly);
  std::span<std::byte> offered(memory::Index assembly);
  Violation placed(memory::Index& assembly, std::size_t count, Events& events);

  // Gives back what the connection holds.
  void abandon(memory::Index& assembly);

  std::uint32_t contexts_lent() const;
  // Allocated since the start: as many as were ever lent at once, and one for each abandoned inside a frame.
  std::uint64_t contexts_made() const;
  std::uint64_t context_refusals() const;
  std::uint64_t short_path_frames() const { return short_path_frames_; }
  std::uint64_t bulk_path_frames() const { return bulk_path_frames_; }
  std::uint64_t wslay_frames() const { return wslay_frames_; }

 private:
  // Each takes the front off `bytes` and returns false when reading stops: a violation, or an event's false.
  bool read_next(memory::Index& assembly, std::span<std::byte>& bytes, Events& events, Violation& violation);
  bool read_whole_frame(memory::Index& assembly, const FrameHeader& header, std::span<std::byte> payload,
                        Events& events, Violation& violation);
  bool read_fragment(memory::Index& assembly, const FrameHeader& header, std::span<const std::byte> payload,
                     Events& events, Violation& violation);
  bool read_bulk(memory::Index& assembly, std::span<std::byte>& bytes, Events& events, Violation& violation);
  bool bulk_stored(memory::Index& assembly, std::size_t count, Events& events, Violation& violation);
  bool read_piece(memory::Index& assembly, std::span<std::byte>& bytes, Events& events, Violation& violation);
  // Takes the header's part off `bytes`, or what there is of it.
  bool read_piece_header(Progress& progress, std::span<std::byte>& bytes, FrameHeader& header,
                         Violation& violation);
  bool feed_wslay(memory::Index assembly, const FrameHeader& header, std::span<const std::byte> bytes,
                  std::size_t payload_part, Violation& violation);
  bool store_payload(memory::Index assembly, const FrameHeader& header, std::span<const std::byte> payload);
  bool end_frame(memory::Index& assembly, const FrameHeader& header, Events& events, Violation& violation);
  bool deliver_control(Opcode opcode, std::span<const std::byte> payload, Events& events,
                       Violation& violation);
  bool deliver_message(memory::Index& assembly, Events& events);
  bool claim(memory::Index& assembly, Violation& violation);
  bool lend_context(memory::Index& assembly, Violation& violation);
  bool reserve_bulk(memory::Index assembly, std::size_t received_bytes);
  Progress& progress_of(memory::Index assembly);

  std::unique_ptr<ContextPool> contexts_;
  ReaderLimits limits_;
  memory::AssemblyPool* assemblies_;
  std::uint64_t short_path_frames_ = 0;
  std::uint64_t bulk_path_frames_ = 0;
  std::uint64_t wslay_frames_ = 0;
};

}  // namespace holdfast::ws
