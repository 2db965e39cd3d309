// Length-prefixed reading. What a connection keeps between reads is a Partial: the header so far, and in the
// assembly's block the payload so far, which is never more than what arrived, doubled.
#include "tcp/reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace holdfast::tcp {
namespace {

// Receiving straight into the assembly pays when at least this much is owed, and has arrived: smaller rests
// go through the shard's receive buffer, which also takes what follows them.
constexpr std::size_t kDirectBytesMinimum = 4 * 1024;

// Lives in Assembly::state; zero when the assembly is claimed.
struct Partial {
  std::array<std::byte, kHeaderBytes> header;
  std::uint32_t header_bytes;   // of the header that have arrived
  std::uint32_t payload_bytes;  // announced; known once the header is whole
};

std::uint32_t read_header(const std::byte* header) {
  return std::to_integer<std::uint32_t>(header[0]) << 24 | std::to_integer<std::uint32_t>(header[1]) << 16 |
         std::to_integer<std::uint32_t>(header[2]) << 8 | std::to_integer<std::uint32_t>(header[3]);
}

}  // namespace

Verdict Reader::consume(memory::Index& assembly, std::span<std::byte> bytes, Messages& messages) {
  bool wanted = true;
  if (assembly != memory::kNoIndex) {
    const Verdict verdict = continue_partial(assembly, bytes, messages, wanted);
    if (verdict != Verdict::ok || !wanted || assembly != memory::kNoIndex) return verdict;
  }
  while (bytes.size() >= kHeaderBytes) {
    const std::uint32_t payload_bytes = read_header(bytes.data());
    if (payload_bytes > message_bytes_maximum_) return Verdict::too_big;
    if (bytes.size() - kHeaderBytes < payload_bytes) break;
    const std::span<std::byte> payload = bytes.subspan(kHeaderBytes, payload_bytes);
    bytes = bytes.subspan(kHeaderBytes + payload_bytes);
    if (!messages.on_message(payload)) return Verdict::ok;
  }
  return bytes.empty() ? Verdict::ok : begin_partial(assembly, bytes);
}

// Takes from the front of `bytes` what the incomplete message lacks. The assembly is given back when the
// message was handed out; while it is still held, all of `bytes` has been taken.
Verdict Reader::continue_partial(memory::Index& assembly, std::span<std::byte>& bytes, Messages& messages,
                                 bool& wanted) {
  Partial& partial = assemblies_->state_as<Partial>(assembly);
  if (partial.header_bytes < kHeaderBytes) {
    const std::size_t taken = std::min<std::size_t>(kHeaderBytes - partial.header_bytes, bytes.size());
    std::copy_n(bytes.begin(), taken, partial.header.begin() + partial.header_bytes);
    partial.header_bytes += static_cast<std::uint32_t>(taken);
    bytes = bytes.subspan(taken);
    if (partial.header_bytes < kHeaderBytes) return Verdict::ok;
    partial.payload_bytes = read_header(partial.header.data());
    if (partial.payload_bytes > message_bytes_maximum_) {
      abandon(assembly);
      return Verdict::too_big;
    }
    if (bytes.size() >= partial.payload_bytes) {  // whole after all: no copy
      const std::span<std::byte> payload = bytes.first(partial.payload_bytes);
      bytes = bytes.subspan(payload.size());
      abandon(assembly);
      wanted = messages.on_message(payload);
      return Verdict::ok;
    }
  }
  const std::size_t missing = partial.payload_bytes - assemblies_->stored(assembly).size();
  const std::size_t taken = std::min(missing, bytes.size());
  if (taken > 0 && !assemblies_->append(assembly, bytes.first(taken), partial.payload_bytes)) {
    abandon(assembly);
    return Verdict::out_of_memory;
  }
  bytes = bytes.subspan(taken);
  if (taken == missing) wanted = hand_out(assembly, messages);
  return Verdict::ok;
}

// Keeps what is left after the last whole message: part of a header, or a header and less than its payload.
Verdict Reader::begin_partial(memory::Index& assembly, std::span<const std::byte> bytes) {
  CHECK(assembly == memory::kNoIndex);
  assembly = assemblies_->claim();
  if (assembly == memory::kNoIndex) return Verdict::out_of_memory;
  Partial& partial = assemblies_->state_as<Partial>(assembly);
  const std::size_t taken = std::min(kHeaderBytes, bytes.size());
  std::copy_n(bytes.begin(), taken, partial.header.begin());
  partial.header_bytes = static_cast<std::uint32_t>(taken);
  if (taken < kHeaderBytes) return Verdict::ok;
  partial.payload_bytes = read_header(partial.header.data());
  bytes = bytes.subspan(taken);
  CHECK(bytes.size() < partial.payload_bytes);
  if (bytes.empty() || assemblies_->append(assembly, bytes, partial.payload_bytes)) return Verdict::ok;
  abandon(assembly);
  return Verdict::out_of_memory;
}

// The assembly no longer belongs to the connection while the application looks at the message, so that
// nothing it does there can give it back twice.
bool Reader::hand_out(memory::Index& assembly, Messages& messages) {
  memory::Index whole = assembly;
  assembly = memory::kNoIndex;
  const bool wanted = messages.on_message(assemblies_->stored(whole));
  assemblies_->release(whole);
  return wanted;
}

std::span<std::byte> Reader::destination(memory::Index assembly) {
  if (assembly == memory::kNoIndex) return {};
  const Partial& partial = assemblies_->state_as<Partial>(assembly);
  if (partial.header_bytes < kHeaderBytes) return {};
  const std::size_t stored = assemblies_->stored(assembly).size();
  CHECK(stored < partial.payload_bytes);
  const std::size_t missing = partial.payload_bytes - stored;
  if (missing < kDirectBytesMinimum || stored < kDirectBytesMinimum) return {};
  // Grows by as much as has arrived, so that a peer pays for the memory it holds. Without room, consume() is
  // left to find out whether that matters.
  if (assemblies_->room(assembly).size() < kDirectBytesMinimum &&
      !assemblies_->reserve(assembly, std::min<std::size_t>(2 * stored, partial.payload_bytes))) {
    return {};
  }
  return offered(assembly);
}

std::span<std::byte> Reader::offered(memory::Index assembly) {
  const std::size_t missing =
      assemblies_->state_as<Partial>(assembly).payload_bytes - assemblies_->stored(assembly).size();
  const std::span<std::byte> room = assemblies_->room(assembly);
  return room.first(std::min(room.size(), missing));
}

Verdict Reader::placed(memory::Index& assembly, std::size_t count, Messages& messages) {
  CHECK(assembly != memory::kNoIndex);
  const Partial& partial = assemblies_->state_as<Partial>(assembly);
  CHECK(partial.header_bytes == kHeaderBytes);
  assemblies_->add_stored(assembly, count);
  const std::size_t stored = assemblies_->stored(assembly).size();
  CHECK(stored <= partial.payload_bytes);
  if (stored == partial.payload_bytes) hand_out(assembly, messages);
  return Verdict::ok;
}

void Reader::abandon(memory::Index& assembly) {
  if (assembly == memory::kNoIndex) return;
  assemblies_->release(assembly);
  assembly = memory::kNoIndex;
}

void write_header(std::span<std::byte, kHeaderBytes> into, std::uint32_t payload_bytes) {
  for (std::size_t i = 0; i < kHeaderBytes; ++i) {
    into[i] = static_cast<std::byte>(payload_bytes >> (8 * (kHeaderBytes - 1 - i)));
  }
}

}  // namespace holdfast::tcp
