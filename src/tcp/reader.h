// Length-prefixed framing: u32 big-endian length, then that many bytes of payload. A length of 0 is an empty
// message.
//
// Same shape and promises as ws::Reader, one per shard: a view into the receive buffer when a message is
// whole, an Assembly only while one is incomplete, any split of the same bytes gives the same messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/assembly.h"
#include "memory/index.h"

namespace holdfast::tcp {

inline constexpr std::size_t kHeaderBytes = 4;

class Messages {
 public:
  // False: the connection wants no more. The view dies with the call.
  virtual bool on_message(std::span<std::byte> payload) = 0;

 protected:
  ~Messages() = default;
};

enum class Verdict { ok, too_big, out_of_memory };

class Reader {
 public:
  Reader(std::uint32_t message_bytes_maximum, memory::AssemblyPool* assemblies)
      : message_bytes_maximum_(message_bytes_maximum), assemblies_(assemblies) {}

  // Reads `bytes`. `assembly` is the connection's: kNoIndex when nothing is incomplete, claimed and released
  // here. After another verdict than ok, or a false from on_message, the connection must be abandoned.
  // too_big comes with the last byte of the length, and nothing is claimed for the payload.
  Verdict consume(memory::Index& assembly, std::span<std::byte> bytes, Messages& messages);
  // Where the connection's next bytes can be received without a copy: room in its assembly while a big
  // message is under way, else empty. Valid until the next call for this assembly; placed() then takes in the
  // `count` bytes received there.
  // destination() may move what is stored to make room; offered() is what it gave, until either is used.
  std::span<std::byte> destination(memory::Index assembly);
  std::span<std::byte> offered(memory::Index assembly);
  Verdict placed(memory::Index& assembly, std::size_t count, Messages& messages);
  // Gives back what the connection holds.
  void abandon(memory::Index& assembly);

 private:
  Verdict continue_partial(memory::Index& assembly, std::span<std::byte>& bytes, Messages& messages,
                           bool& wanted);
  Verdict begin_partial(memory::Index& assembly, std::span<const std::byte> bytes);
  bool hand_out(memory::Index& assembly, Messages& messages);

  std::uint32_t message_bytes_maximum_;
  memory::AssemblyPool* assemblies_;
};

void write_header(std::span<std::byte, kHeaderBytes> into, std::uint32_t payload_bytes);

}  // namespace holdfast::tcp
