// The three ways from bytes to events; the rules they share
// are in message_rules.cc. Runs on the shard's thread.
//
// Which way: read_next() decides once per frame, by its header and by what is in the buffer. A connection
// with something incomplete has an assembly, and its Progress says which way goes on.
#include "ws/reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "ws/context_pool.h"
#include "ws/message_rules.h"
#include "ws/utf8.h"

namespace holdfast::ws {

using memory::Index;
using memory::kNoIndex;

namespace {

constexpr Progress kNothingYet{};

// A bulk message's memory follows what was received: never more than twice that, or this if it is more (rule
// R9). Small ones are many.
constexpr std::size_t kBulkStartBytes = 16 * 1024;
constexpr std::size_t kSmallBulkStartBytes = 256;

// A message in one frame.
bool is_unfragmented(const FrameHeader& header) {
  return header.final && (header.opcode == Opcode::text || header.opcode == Opcode::binary);
}

bool agrees(const ContextPool::Chunk& chunk, const FrameHeader& header) {
  return chunk.final == header.final && chunk.masked && chunk.reserved_bits == 0 &&
         chunk.opcode == static_cast<std::uint8_t>(header.opcode) &&
         chunk.payload_bytes == header.payload_bytes;
}

std::span<const std::byte> stored_header(const Progress& progress) {
  return std::as_bytes(std::span(progress.header, progress.header_length));
}

}  // namespace

Reader::Reader(const ReaderLimits& limits, memory::AssemblyPool* assemblies)
    : contexts_(std::make_unique<ContextPool>(limits.contexts)), limits_(limits), assemblies_(assemblies) {
  CHECK(assemblies != nullptr);
  CHECK(limits.fragments > 0);
}

Reader::~Reader() = default;

std::uint32_t Reader::contexts_lent() const {
  return contexts_->lent();
}
std::uint64_t Reader::contexts_made() const {
  return contexts_->made();
}
std::uint64_t Reader::context_refusals() const {
  return contexts_->refusals();
}

Progress& Reader::progress_of(Index assembly) {
  return assemblies_->state_as<Progress>(assembly);
}

Violation Reader::consume(Index& assembly, std::span<std::byte> bytes, Events& events) {
  Violation violation;
  while (!bytes.empty() && read_next(assembly, bytes, events, violation)) {
  }
  return violation;
}

bool Reader::read_next(Index& assembly, std::span<std::byte>& bytes, Events& events, Violation& violation) {
  const Progress& progress = assembly == kNoIndex ? kNothingYet : progress_of(assembly);
  if (progress.bulk) return read_bulk(assembly, bytes, events, violation);
  if (progress.header_length != 0) return read_piece(assembly, bytes, events, violation);

  FrameHeader header;
  const HeaderOutcome outcome = read_header(limits_, progress, bytes, header, violation);
  if (outcome == HeaderOutcome::violation) return false;
  if (outcome == HeaderOutcome::complete && !limits_.always_wslay) {
    const std::span<std::byte> rest = bytes.subspan(header.header_bytes);
    if (header.payload_bytes <= rest.size()) {
      const std::size_t payload_bytes = static_cast<std::size_t>(header.payload_bytes);
      bytes = rest.subspan(payload_bytes);
      return read_whole_frame(assembly, header, rest.first(payload_bytes), events, violation);
    }
  }
  if (assembly == kNoIndex && !claim(assembly, violation)) return false;
  return read_piece(assembly, bytes, events, violation);
}

bool Reader::read_whole_frame(Index& assembly, const FrameHeader& header, std::span<std::byte> payload,
                              Events& events, Violation& violation) {
  ++short_path_frames_;
  unmask(payload, header.mask, 0);
  if (is_control(header.opcode)) return deliver_control(header.opcode, payload, events, violation);
  if (!is_unfragmented(header)) return read_fragment(assembly, header, payload, events, violation);
  if (header.opcode == Opcode::text) {
    Progress whole_text{};
    violation = check_text(whole_text, payload, true);
    if (violation) return false;
  }
  return events.on_message(header.opcode, payload);
}

bool Reader::read_fragment(Index& assembly, const FrameHeader& header, std::span<const std::byte> payload,
                           Events& events, Violation& violation) {
  if (assembly == kNoIndex && !claim(assembly, violation)) return false;
  Progress& progress = progress_of(assembly);
  begin_frame(progress, header);
  if (!store_payload(assembly, header, payload)) {
    violation = {kTryAgainLater, "out of input memory"};
    return false;
  }
  progress.frame_remaining = 0;
  progress.header_complete = false;
  if (progress.message_opcode == Opcode::text) {
    violation = check_text(progress, assemblies_->stored(assembly), header.final);
    if (violation) return false;
  }
  return header.final ? deliver_message(assembly, events) : true;
}

bool Reader::reserve_bulk(Index assembly, std::size_t received_bytes) {
  const std::size_t declared_bytes = progress_of(assembly).message_bytes;
  CHECK(received_bytes <= declared_bytes);
  const std::size_t start_bytes =
      declared_bytes < kInPlaceMinimumBytes ? kSmallBulkStartBytes : kBulkStartBytes;
  return assemblies_->reserve(assembly, std::min(declared_bytes, std::max(2 * received_bytes, start_bytes)));
}

bool Reader::read_bulk(Index& assembly, std::span<std::byte>& bytes, Events& events, Violation& violation) {
  const Progress& progress = progress_of(assembly);
  const std::size_t count = std::min<std::size_t>(progress.frame_remaining, bytes.size());
  if (count == 0) return true;
  if (count > assemblies_->room(assembly).size() &&
      !reserve_bulk(assembly, assemblies_->stored(assembly).size() + count)) {
    violation = {kTryAgainLater, "out of input memory"};
    return false;
  }
  const std::span<std::byte> room = assemblies_->room(assembly);
  CHECK(room.size() >= count);
  std::memcpy(room.data(), bytes.data(), count);
  bytes = bytes.subspan(count);
  return bulk_stored(assembly, count, events, violation);
}

bool Reader::bulk_stored(Index& assembly, std::size_t count, Events& events, Violation& violation) {
  Progress& progress = progress_of(assembly);
  CHECK(count <= progress.frame_remaining);
  assemblies_->add_stored(assembly, count);
  const std::span<std::byte> stored = assemblies_->stored(assembly);
  std::uint8_t mask[4];
  std::memcpy(mask, progress.header + progress.header_length - sizeof mask, sizeof mask);
  unmask(stored.last(count), mask, static_cast<std::uint32_t>((stored.size() - count) % 4));
  progress.frame_remaining -= static_cast<std::uint32_t>(count);
  const bool whole = progress.frame_remaining == 0;
  if (progress.message_opcode == Opcode::text) {
    violation = check_text(progress, stored, whole);
    if (violation) return false;
  }
  if (!whole) return true;
  ++bulk_path_frames_;
  return deliver_message(assembly, events);
}

std::span<std::byte> Reader::destination(Index assembly) {
  if (assembly == kNoIndex || !progress_of(assembly).bulk) return {};
  // The rest of a small one comes with what is behind it.
  if (progress_of(assembly).message_bytes < kInPlaceMinimumBytes) return {};
  const std::size_t remaining = progress_of(assembly).frame_remaining;
  // A nearly full block is made larger now, to spare a receive of a few bytes. Without memory the little room
  // is used up first; with none left the caller receives elsewhere, and consume() closes with 1013.
  if (assemblies_->room(assembly).size() < std::min(remaining, kInPlaceMinimumBytes))
    reserve_bulk(assembly, assemblies_->stored(assembly).size());
  return offered(assembly);
}

std::span<std::byte> Reader::offered(Index assembly) {
  const std::span<std::byte> room = assemblies_->room(assembly);
  return room.first(std::min<std::size_t>(room.size(), progress_of(assembly).frame_remaining));
}

Violation Reader::placed(Index& assembly, std::size_t count, Events& events) {
  CHECK(assembly != kNoIndex);
  CHECK(progress_of(assembly).bulk);
  CHECK(count <= assemblies_->room(assembly).size());
  Violation violation;
  if (count > 0) bulk_stored(assembly, count, events, violation);
  return violation;
}

bool Reader::read_piece(Index& assembly, std::span<std::byte>& bytes, Events& events, Violation& violation) {
  Progress& progress = progress_of(assembly);
  FrameHeader header;
  if (progress.header_complete) {
    const char* reason = nullptr;
    CHECK(parse_client_header(stored_header(progress), header, reason) == HeaderOutcome::complete);
  } else {
    if (!read_piece_header(progress, bytes, header, violation)) return false;
    if (!progress.header_complete) return true;
    if (is_unfragmented(header) && !limits_.always_wslay) {
      progress.bulk = true;
      if (progress.frame_remaining == 0) return bulk_stored(assembly, 0, events, violation);
      return read_bulk(assembly, bytes, events, violation);
    }
    if (!lend_context(assembly, violation)) return false;
    if (!feed_wslay(assembly, header, stored_header(progress), 0, violation)) return false;
  }
  const std::size_t count = std::min<std::size_t>(progress.frame_remaining, bytes.size());
  const std::span<const std::byte> part = bytes.first(count);
  bytes = bytes.subspan(count);
  if (count > 0 && !feed_wslay(assembly, header, part, count, violation)) return false;
  if (progress.frame_remaining > 0) return true;
  return end_frame(assembly, header, events, violation);
}

bool Reader::read_piece_header(Progress& progress, std::span<std::byte>& bytes, FrameHeader& header,
                               Violation& violation) {
  const std::size_t before = progress.header_length;
  const std::size_t count = std::min(kClientHeaderMaximumBytes - before, bytes.size());
  std::memcpy(progress.header + before, bytes.data(), count);
  const std::span<const std::byte> so_far = std::as_bytes(std::span(progress.header, before + count));
  const HeaderOutcome outcome = read_header(limits_, progress, so_far, header, violation);
  if (outcome == HeaderOutcome::violation) return false;
  std::size_t header_part = count;
  if (outcome == HeaderOutcome::complete) {
    header_part = header.header_bytes - before;
    begin_frame(progress, header);
  }
  progress.header_length = static_cast<std::uint8_t>(before + header_part);
  bytes = bytes.subspan(header_part);
  return true;
}

bool Reader::feed_wslay(Index assembly, const FrameHeader& header, std::span<const std::byte> bytes,
                        std::size_t payload_part, Violation& violation) {
  Progress& progress = progress_of(assembly);
  const Index context = progress.context_plus_one - 1;
  contexts_->feed(context, bytes);
  ContextPool::Chunk chunk;
  std::size_t unmasked_bytes = 0;
  for (;;) {
    const ContextPool::Outcome outcome = contexts_->next(context, chunk);
    if (outcome == ContextPool::Outcome::hungry) break;
    // Cannot happen as long as read_header() and wslay mean the same; a peer must not be able to abort us if
    // they differ.
    if (outcome == ContextPool::Outcome::refused || !agrees(chunk, header)) {
      violation = {kProtocolError, "bad frame"};
      return false;
    }
    if (!store_payload(assembly, header, chunk.payload)) {
      violation = {kTryAgainLater, "out of input memory"};
      return false;
    }
    unmasked_bytes += chunk.payload.size();
  }
  CHECK(unmasked_bytes == payload_part);
  progress.frame_remaining -= static_cast<std::uint32_t>(payload_part);
  if (!is_control(header.opcode) && progress.message_opcode == Opcode::text) {
    const bool whole = header.final && progress.frame_remaining == 0;
    violation = check_text(progress, assemblies_->stored(assembly), whole);
  }
  return !violation;
}

bool Reader::store_payload(Index assembly, const FrameHeader& header, std::span<const std::byte> payload) {
  if (payload.empty()) return true;
  const Progress& progress = progress_of(assembly);
  if (is_control(header.opcode)) {
    contexts_->append_control(progress.context_plus_one - 1, payload);
    return true;
  }
  // While more fragments may come the block may double up to
  // the limit, or many small ones would cost a copy each.
  const std::size_t maximum_bytes = header.final ? progress.message_bytes : limits_.message_bytes;
  return assemblies_->append(assembly, payload, maximum_bytes);
}

bool Reader::end_frame(Index& assembly, const FrameHeader& header, Events& events, Violation& violation) {
  ++wslay_frames_;
  Progress& progress = progress_of(assembly);
  progress.header_length = 0;
  progress.header_complete = false;
  const Index context = progress.context_plus_one - 1;
  progress.context_plus_one = 0;
  if (!is_control(header.opcode)) {
    contexts_->release(context, true);
    return header.final ? deliver_message(assembly, events) : true;
  }
  const bool go_on = deliver_control(header.opcode, contexts_->control(context), events, violation);
  contexts_->release(context, true);
  if (!progress.message_open()) abandon(assembly);
  return go_on;
}

bool Reader::deliver_control(Opcode opcode, std::span<const std::byte> payload, Events& events,
                             Violation& violation) {
  if (opcode == Opcode::ping) return events.on_ping(payload);
  if (opcode == Opcode::pong) return events.on_pong(payload);
  CHECK(opcode == Opcode::close);
  std::uint16_t code = kNoStatus;
  std::string_view reason;
  violation = read_close(payload, code, reason);
  return !violation && events.on_close(code, reason);
}

bool Reader::deliver_message(Index& assembly, Events& events) {
  const Progress& progress = progress_of(assembly);
  CHECK(progress.message_open());
  const bool go_on = events.on_message(progress.message_opcode, assemblies_->stored(assembly));
  abandon(assembly);
  return go_on;
}

bool Reader::claim(Index& assembly, Violation& violation) {
  assembly = assemblies_->claim();
  if (assembly == kNoIndex) violation = {kTryAgainLater, "too many unfinished messages"};
  return assembly != kNoIndex;
}

bool Reader::lend_context(Index& assembly, Violation& violation) {
  CHECK(progress_of(assembly).context_plus_one == 0);
  const Index context = contexts_->claim();
  if (context == kNoIndex) {
    abandon(assembly);
    violation = {kTryAgainLater, "too many unfinished messages"};
    return false;
  }
  progress_of(assembly).context_plus_one = context + 1;
  return true;
}

void Reader::abandon(Index& assembly) {
  if (assembly == kNoIndex) return;
  const std::uint32_t context_plus_one = progress_of(assembly).context_plus_one;
  if (context_plus_one != 0) contexts_->release(context_plus_one - 1, false);
  assemblies_->release(assembly);
  assembly = kNoIndex;
}

}  // namespace holdfast::ws
