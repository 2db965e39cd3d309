// Fossil deltas: how to make one payload out of another, so that only what changed travels.
//
// A delta is "<target size>\n", then copies "<count>@<offset>," from the source and literals
// "<count>:<bytes>", then "<checksum>;". Numbers are in base 64, most significant digit first, over
// 0-9A-Z_a-z~; the checksum is the sum of the target's big-endian 32-bit words, the tail filled with zeros.
//
// Pure. A target that is UTF-8 gives a delta that is UTF-8: copies begin and end between characters, because
// to JSON clients the delta is a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::gateway {

// Makes deltas; keeps the memory for it (at most 36 bytes for each 16 of the source), so a shard has one.
class FossilEncoder {
 public:
  // Appends the delta from `source` to `target`. It may be longer than the target: then the caller sends the
  // target. Time is linear in both sizes, whatever they contain.
  void append_delta(std::string& out, std::string_view source, std::string_view target);

 private:
  struct Match {
    std::size_t source = 0;
    std::size_t target = 0;
    std::size_t bytes = 0;
  };

  static bool worth_copying(const Match& match);
  void index(std::string_view source);
  Match longest_match(std::string_view source, std::string_view target, std::size_t position,
                      std::size_t literal_start, std::uint32_t hash) const;
  std::size_t bucket_of(std::uint32_t hash) const;

  std::vector<std::uint32_t> buckets_;  // by hash, the first block with it, plus one
  std::vector<std::uint32_t> later_;    // by block, the next block in its bucket, plus one
  unsigned bucket_bits_ = 0;
};

// Replaces `target` by what the delta makes of `source`. False when the delta is malformed, does not fit the
// source, or would make more than `bytes_maximum`; then the target's content means nothing.
bool apply_fossil_delta(std::string_view source, std::string_view delta, std::size_t bytes_maximum,
                        std::string& target);

}  // namespace holdfast::gateway
