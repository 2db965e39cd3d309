// Series: how a phase went over time, for the charts: samples at equal distances, never more than a page of
// them, however long the phase. Single-threaded.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::swarm {

struct Sample {
  double seconds = 0;             // since the phase began
  std::uint64_t connections = 0;  // open
  std::uint64_t units = 0;        // of what the phase counts, since it began
  std::uint64_t errors = 0;       // since it began
  std::uint64_t bytes_out = 0, bytes_in = 0;
  std::uint64_t server_cpu_ns = 0, swarm_cpu_ns = 0;
  std::uint64_t server_resident_bytes = 0;
};

class Series {
 public:
  static constexpr std::size_t kSamples = 240;

  // Whether it is time for another one.
  bool due(double seconds) const { return samples_.empty() || seconds >= last_ + interval_; }
  // When there are too many, every second one goes, and from then on they come half as often.
  void add(const Sample& sample) {
    last_ = sample.seconds;
    samples_.push_back(sample);
    if (samples_.size() <= kSamples) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < samples_.size(); i += 2) samples_[kept++] = samples_[i];
    samples_.resize(kept);
    interval_ *= 2;
  }
  // The end of the phase, whatever the distance.
  void end(const Sample& sample) { samples_.push_back(sample); }
  const std::vector<Sample>& samples() const { return samples_; }

 private:
  std::vector<Sample> samples_;
  double interval_ = 0.1;
  double last_ = 0;
};

}  // namespace holdfast::swarm
