// SipHash-2-4: two rounds for every eight bytes, four to finish. Words are read little-endian whatever the
// machine is, so that a hash may be stored or compared across processes.
#include "base/siphash.h"

#include <bit>
#include <cstring>

namespace holdfast::base {
namespace {

class Lanes {
 public:
  explicit Lanes(const SipKey& key)
      : v0_(key.low ^ 0x736f6d6570736575u),
        v1_(key.high ^ 0x646f72616e646f6du),
        v2_(key.low ^ 0x6c7967656e657261u),
        v3_(key.high ^ 0x7465646279746573u) {}

  void absorb(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }

  std::uint64_t finish() {
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

std::uint64_t little_endian(std::uint64_t word) {
  if constexpr (std::endian::native == std::endian::big) return __builtin_bswap64(word);
  return word;
}

}  // namespace

std::uint64_t siphash(const SipKey& key, std::span<const std::byte> bytes) {
  Lanes lanes(key);
  const std::uint64_t length_tag = static_cast<std::uint64_t>(bytes.size()) << 56;
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    lanes.absorb(little_endian(word));
    bytes = bytes.subspan(8);
  }
  std::uint64_t tail = 0;
  // An empty span may carry a null pointer, which memcpy must not see.
  if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());
  lanes.absorb(little_endian(tail) | length_tag);
  return lanes.finish();
}

}  // namespace holdfast::base
