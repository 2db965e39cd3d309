// Length-prefixed framing: the messages of a stream, whatever the reads were, and what a connection owns
// meanwhile.
#include "tcp/reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/entropy.h"
#include "memory/assembly.h"
#include "memory/block_arena.h"

namespace holdfast::tcp {
namespace {

constexpr std::uint32_t kMessageBytesMaximum = 64 * 1024;

// A pool over its own memory; the address of its arena is needed by the pool, so it does not move.
class Memory {
 public:
  explicit Memory(std::uint32_t records = 8, std::size_t region_bytes = 16 * memory::BlockArena::kPageBytes)
      : region_(region_bytes + kAlignment),
        arena_state_(memory::BlockArena::state_bytes(region_bytes) + kAlignment),
        items_(records),
        arena_(reinterpret_cast<memory::BlockArenaState*>(aligned(arena_state_)), aligned(region_),
               region_bytes),
        pool(&pool_state_, items_.data(), records, &arena_) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::size_t block_bytes() const { return arena_.used_bytes(); }

 private:
  static constexpr std::size_t kAlignment = 64;
  static std::byte* aligned(std::vector<std::byte>& bytes) {
    void* start = bytes.data();
    std::size_t space = bytes.size();
    return static_cast<std::byte*>(std::align(kAlignment, space - kAlignment, start, space));
  }

  std::vector<std::byte> region_;
  std::vector<std::byte> arena_state_;
  std::vector<memory::Assembly> items_;
  memory::PoolState pool_state_;
  memory::BlockArena arena_;

 public:
  memory::AssemblyPool pool;
};

struct Heard : Messages {
  bool on_message(std::span<std::byte> payload) override {
    messages.emplace_back(reinterpret_cast<const char*>(payload.data()), payload.size());
    views.push_back(payload);
    if (during) during();
    return messages.size() < wanted;
  }

  std::size_t wanted = SIZE_MAX;
  std::function<void()> during;
  std::vector<std::string> messages;
  std::vector<std::span<std::byte>> views;
};

std::string header(std::uint32_t payload_bytes) {
  std::array<std::byte, kHeaderBytes> bytes;
  write_header(bytes, payload_bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string framed(std::string_view payload) {
  return header(static_cast<std::uint32_t>(payload.size())) + std::string(payload);
}

// One connection's side of a shard: a copy of exactly the bytes of a read is what the reader gets to see.
class Connection {
 public:
  Connection(Memory& owner, Heard& listener, std::uint32_t message_bytes_maximum = kMessageBytesMaximum)
      : memory(owner), heard(listener), reader(message_bytes_maximum, &owner.pool) {}
  ~Connection() { reader.abandon(assembly); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Verdict read(std::string_view bytes) {
    const std::span<const std::byte> arrived = std::as_bytes(std::span(bytes));
    buffer.assign(arrived.begin(), arrived.end());
    return reader.consume(assembly, buffer, heard);
  }
  // As the shard does: straight into the assembly when it asks for that. Returns what was taken off `bytes`.
  std::size_t receive(std::string_view bytes, Verdict& verdict) {
    const std::span<std::byte> place = reader.destination(assembly);
    if (place.empty()) {
      verdict = read(bytes);
      return bytes.size();
    }
    const std::size_t count = std::min(place.size(), bytes.size());
    std::memcpy(place.data(), bytes.data(), count);
    verdict = reader.placed(assembly, count, heard);
    ++placed;
    return count;
  }

  Memory& memory;
  Heard& heard;
  Reader reader;
  memory::Index assembly = memory::kNoIndex;
  std::vector<std::byte> buffer;
  std::size_t placed = 0;
};

TEST(WriteHeader, IsBigEndian) {
  EXPECT_EQ(header(0x01020304), std::string("\x01\x02\x03\x04"));
  EXPECT_EQ(header(0xfffefdfc), std::string("\xff\xfe\xfd\xfc"));
}

TEST(TcpReader, HandsOutWholeMessagesAsViewsOfTheReceiveBufferAndClaimsNothing) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  EXPECT_EQ(connection.read(framed("one") + framed("") + framed("three")), Verdict::ok);
  EXPECT_EQ(heard.messages, (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(heard.views[0].data(), connection.buffer.data() + kHeaderBytes);
  EXPECT_EQ(heard.views[2].data(), connection.buffer.data() + connection.buffer.size() - 5);
  EXPECT_EQ(connection.assembly, memory::kNoIndex);
  EXPECT_EQ(memory.pool.used(), 0u);
  EXPECT_EQ(memory.pool.refusals(), 0u);
}

TEST(TcpReader, TakesAnEmptyReadForNothing) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  EXPECT_EQ(connection.read(""), Verdict::ok);
  EXPECT_EQ(connection.read(header(3)), Verdict::ok);
  EXPECT_EQ(connection.read(""), Verdict::ok);
  EXPECT_EQ(connection.read("abc"), Verdict::ok);
  EXPECT_EQ(heard.messages, std::vector<std::string>{"abc"});
}

TEST(TcpReader, CompletesAnEmptyMessageWhoseHeaderWasSplit) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  for (const char byte : header(0)) EXPECT_EQ(connection.read({&byte, 1}), Verdict::ok);
  EXPECT_EQ(heard.messages, std::vector<std::string>{""});
  EXPECT_EQ(memory.pool.used(), 0u);
}

TEST(TcpReader, GivesTheAssemblyBackAtTheMessageBoundary) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  const std::string stream = framed("half and half");
  EXPECT_EQ(connection.read(stream.substr(0, 9)), Verdict::ok);
  EXPECT_EQ(memory.pool.used(), 1u);
  EXPECT_GT(memory.block_bytes(), 0u);
  EXPECT_EQ(connection.read(stream.substr(9) + framed("next")), Verdict::ok);
  EXPECT_EQ(heard.messages, (std::vector<std::string>{"half and half", "next"}));
  EXPECT_EQ(memory.pool.used(), 0u);
  EXPECT_EQ(memory.block_bytes(), 0u);
}

TEST(TcpReader, CopiesNoPayloadWhenOnlyTheHeaderWasSplit) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  const std::string stream = framed("payload");
  EXPECT_EQ(connection.read(stream.substr(0, 2)), Verdict::ok);
  EXPECT_EQ(memory.block_bytes(), 0u);
  EXPECT_EQ(connection.read(stream.substr(2)), Verdict::ok);
  EXPECT_EQ(heard.messages, std::vector<std::string>{"payload"});
  EXPECT_EQ(heard.views[0].data(), connection.buffer.data() + 2);
}

TEST(TcpReader, AcceptsAMessageOfTheMaximumAndRefusesOneByteMore) {
  for (const bool split : {false, true}) {
    Memory memory;
    Heard heard;
    Connection connection(memory, heard);
    const std::string fits = framed(std::string(kMessageBytesMaximum, 'm'));
    EXPECT_EQ(connection.read(fits), Verdict::ok);
    EXPECT_EQ(heard.messages.size(), 1u);
    const std::string exceeds = header(kMessageBytesMaximum + 1);
    EXPECT_EQ(connection.read(exceeds.substr(0, split ? 3 : 0)), Verdict::ok);
    EXPECT_EQ(connection.read(exceeds.substr(split ? 3 : 0)), Verdict::too_big);
    EXPECT_EQ(memory.pool.used(), 0u);
    EXPECT_EQ(memory.block_bytes(), 0u);
  }
}

TEST(TcpReader, ClaimsNoMemoryForWhatIsOnlyAnnounced) {
  constexpr std::uint32_t kAnnounced = 512 * 1024;
  Memory memory;
  Heard heard;
  Connection connection(memory, heard, kAnnounced);
  EXPECT_EQ(connection.read(header(kAnnounced)), Verdict::ok);
  EXPECT_EQ(memory.block_bytes(), 0u);
  const std::string payload(kAnnounced, 'p');
  std::size_t arrived = 0;
  base::Random random(3);
  while (arrived + 3000 < kAnnounced) {
    const std::size_t piece = 1 + random.below(3000);
    Verdict verdict = Verdict::ok;
    arrived += connection.receive(std::string_view(payload).substr(arrived, piece), verdict);
    ASSERT_EQ(verdict, Verdict::ok);
    // Doubled, and rounded up by the arena to a size class or a power of two.
    ASSERT_LE(memory.block_bytes(), std::max<std::size_t>(1024, 4 * arrived));
  }
  EXPECT_GT(connection.placed, 0u);
}

TEST(TcpReader, RefusesTheLongestLengthsAsSoonAsTheyAreRead) {
  for (const std::uint32_t length : {0xffffffffu, 0xfffffffcu, 0x80000000u, kMessageBytesMaximum + 1}) {
    Memory memory;
    Heard heard;
    Connection connection(memory, heard);
    EXPECT_EQ(connection.read(framed("first") + header(length)), Verdict::too_big);
    EXPECT_EQ(heard.messages, std::vector<std::string>{"first"});
    EXPECT_EQ(memory.pool.used(), 0u);
  }
}

TEST(TcpReader, DropsTheRestWhenTheConnectionWantsNoMore) {
  for (const std::size_t split : {0u, 2u, 6u}) {
    Memory memory;
    Heard heard;
    heard.wanted = 1;
    Connection connection(memory, heard);
    const std::string stream = framed("last") + framed("never");
    EXPECT_EQ(connection.read(stream.substr(0, split)), Verdict::ok);
    EXPECT_EQ(connection.read(stream.substr(split)), Verdict::ok);
    EXPECT_EQ(heard.messages, std::vector<std::string>{"last"});
    EXPECT_EQ(memory.pool.used(), 0u);
    EXPECT_EQ(memory.block_bytes(), 0u);
  }
}

TEST(TcpReader, AllowsAbandonWhileAnAssembledMessageIsHandedOut) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  heard.during = [&connection] { connection.reader.abandon(connection.assembly); };
  const std::string stream = framed("assembled");
  EXPECT_EQ(connection.read(stream.substr(0, 7)), Verdict::ok);
  EXPECT_EQ(connection.read(stream.substr(7)), Verdict::ok);
  EXPECT_EQ(heard.messages, std::vector<std::string>{"assembled"});
  EXPECT_EQ(memory.pool.used(), 0u);
}

TEST(TcpReader, AsksForBytesInTheAssemblyOnlyWhenMuchHasArrivedAndMuchIsMissing) {
  Memory memory;
  Heard heard;
  Connection connection(memory, heard);
  EXPECT_TRUE(connection.reader.destination(memory::kNoIndex).empty());
  const std::string stream = framed(std::string(20'000, 'd'));
  EXPECT_EQ(connection.read(stream.substr(0, 3)), Verdict::ok);
  EXPECT_TRUE(connection.reader.destination(connection.assembly).empty()) << "the header is not whole";
  EXPECT_EQ(connection.read(stream.substr(3, 1 + 4095)), Verdict::ok);
  EXPECT_TRUE(connection.reader.destination(connection.assembly).empty()) << "too little has arrived";
  EXPECT_EQ(connection.read(stream.substr(4 + 4095, 1)), Verdict::ok);
  EXPECT_GE(connection.reader.destination(connection.assembly).size(), 4096u);
  EXPECT_EQ(connection.read(stream.substr(4 + 4096, 20'000 - 4096 - 4096)), Verdict::ok);
  EXPECT_EQ(connection.reader.destination(connection.assembly).size(), 4096u) << "never beyond the message";
  EXPECT_EQ(connection.read(stream.substr(4 + 20'000 - 4096, 1)), Verdict::ok);
  EXPECT_TRUE(connection.reader.destination(connection.assembly).empty()) << "too little is missing";
  EXPECT_EQ(connection.read(stream.substr(4 + 20'000 - 4095) + framed("next")), Verdict::ok);
  EXPECT_EQ(heard.messages, (std::vector<std::string>{std::string(20'000, 'd'), "next"}));
}

TEST(TcpReader, SaysOutOfMemoryAtTheBoundOfThePoolAndKeepsNothing) {
  Memory memory(1);
  Heard heard;
  Connection holder(memory, heard);
  Connection refused(memory, heard);
  EXPECT_EQ(holder.read(header(5)), Verdict::ok);
  EXPECT_EQ(refused.read(framed("whole") + header(5)), Verdict::out_of_memory);
  EXPECT_EQ(refused.assembly, memory::kNoIndex);
  EXPECT_EQ(holder.read("after"), Verdict::ok);
  EXPECT_EQ(heard.messages, (std::vector<std::string>{"whole", "after"}));
  EXPECT_EQ(memory.pool.refusals(), 1u);
  EXPECT_EQ(memory.pool.used(), 0u);
}

TEST(TcpReader, SaysOutOfMemoryAtTheBoundOfTheArenaAndKeepsNothing) {
  Memory memory(8, 2 * memory::BlockArena::kPageBytes);
  Heard heard;
  Connection connection(memory, heard, 1024 * 1024);
  Verdict verdict = connection.read(header(1024 * 1024));
  std::size_t pieces = 0;
  for (; verdict == Verdict::ok && pieces < 1000; ++pieces)
    connection.receive(std::string(1024, 'x'), verdict);
  EXPECT_EQ(verdict, Verdict::out_of_memory);
  EXPECT_GT(pieces, 10u);
  EXPECT_EQ(connection.assembly, memory::kNoIndex);
  EXPECT_EQ(memory.pool.used(), 0u);
  EXPECT_EQ(memory.block_bytes(), 0u);
}

// What a stream means, read slowly and without an assembly.
struct Meaning {
  std::vector<std::string> messages;
  Verdict verdict = Verdict::ok;
};

Meaning meaning_of(std::string_view stream, std::uint32_t message_bytes_maximum, std::size_t wanted) {
  Meaning meaning;
  while (stream.size() >= kHeaderBytes && meaning.messages.size() < wanted) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < kHeaderBytes; ++i)
      length = length * 256 + static_cast<unsigned char>(stream[i]);
    if (length > message_bytes_maximum) {
      meaning.verdict = Verdict::too_big;
      break;
    }
    stream.remove_prefix(kHeaderBytes);
    if (stream.size() < length) break;
    meaning.messages.emplace_back(stream.substr(0, length));
    stream.remove_prefix(length);
  }
  return meaning;
}

std::string random_payload(base::Random& random, std::size_t bytes) {
  std::string payload(bytes, '\0');
  for (char& byte : payload) byte = static_cast<char>(random.next());
  return payload;
}

std::string random_stream(base::Random& random, std::uint32_t message_bytes_maximum) {
  std::string stream;
  const std::size_t messages = random.below(8);
  for (std::size_t i = 0; i < messages; ++i) {
    const std::uint64_t kind = random.below(16);
    std::size_t bytes = random.below(20);
    if (kind < 2) bytes = 0;
    if (kind >= 2 && kind < 4) bytes = random.below(message_bytes_maximum + 1);
    if (kind == 4) bytes = message_bytes_maximum;
    if (kind == 5 && random.below(4) == 0) {
      stream += header(message_bytes_maximum + 1 + static_cast<std::uint32_t>(random.below(1u << 31)));
    }
    stream += framed(random_payload(random, bytes));
  }
  if (random.below(2) == 0) stream.resize(random.below(stream.size() + 1));
  return stream;
}

enum class Split { whole, bytewise, small_pieces, large_pieces };

// Reads `stream` so that it must mean `expected`, and leaves nothing of `memory` behind.
void expect_meaning(Memory& memory, const std::string& stream, const Meaning& expected,
                    std::uint32_t message_bytes_maximum, std::size_t wanted, Split split, bool in_place,
                    base::Random& random) {
  Heard heard;
  heard.wanted = wanted;
  {
    Connection connection(memory, heard, message_bytes_maximum);
    Verdict verdict = Verdict::ok;
    std::string_view rest = stream;
    while (!rest.empty() && verdict == Verdict::ok && heard.messages.size() < wanted) {
      std::size_t piece = rest.size();
      if (split == Split::bytewise) piece = 1;
      if (split == Split::small_pieces) piece = 1 + random.below(9);
      if (split == Split::large_pieces) piece = 1 + random.below(9000);
      piece = std::min(piece, rest.size());
      if (in_place) {
        piece = connection.receive(rest.substr(0, piece), verdict);
      } else {
        verdict = connection.read(rest.substr(0, piece));
      }
      rest.remove_prefix(piece);
    }
    ASSERT_EQ(verdict, expected.verdict);
    ASSERT_EQ(heard.messages, expected.messages);
  }
  ASSERT_EQ(memory.pool.used(), 0u);
  ASSERT_EQ(memory.block_bytes(), 0u);
}

// Goal: any split of the same bytes gives the same messages and the same verdict, with and without receiving
// in place. Method: random streams with messages up to the limit, over it, cut short, and connections that
// stop wanting.
TEST(TcpReader, GivesTheSameMessagesForAnySplitOfRandomStreams) {
  base::Random random(42);
  Memory memory;
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE(round);
    const std::uint32_t maximum = round % 10 == 0 ? 40'000 : 100;
    const std::size_t wanted = random.below(4) == 0 ? 1 + random.below(4) : SIZE_MAX;
    const std::string stream = random_stream(random, maximum);
    const Meaning expected = meaning_of(stream, maximum, wanted);
    for (const Split split : {Split::whole, Split::bytewise, Split::small_pieces, Split::large_pieces}) {
      for (const bool in_place : {false, true}) {
        expect_meaning(memory, stream, expected, maximum, wanted, split, in_place, random);
        if (HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::tcp
