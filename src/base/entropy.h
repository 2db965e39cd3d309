// The Entropy seam and the cheap generator the data path draws from.
//
// Entropy is asked only at start-up (seeds, hash keys); jitter afterwards comes from a Random seeded by it,
// so a simulation that hands in one seed decides every draw of a run.
#pragma once

#include <cstdint>

namespace holdfast::base {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual std::uint64_t next() = 0;
};

// getrandom(2). Stateless.
class SystemEntropy final : public Entropy {
 public:
  std::uint64_t next() override;
};

// SplitMix64 (Steele, Lea, Flood 2014): eight bytes of state, good enough for jitter and for simulations, not
// for secrets.
class Random final : public Entropy {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() override {
    std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }

  // Uniform in [0, bound); 0 when bound is 0. The bias of the multiply-shift is below 2^-32 for every bound
  // used here.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  std::uint64_t state_;
};

}  // namespace holdfast::base
