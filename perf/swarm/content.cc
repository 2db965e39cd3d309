// The contents, eight bytes at a time: block n of a message is a mix of its seed and n.
#include "content.h"

#include <algorithm>
#include <cstring>

#include "base/entropy.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint8_t kEchoFirst = 'e';
constexpr std::uint8_t kPingFirst = 'p';
constexpr std::uint64_t kEchoKind = 0x65636f68;
constexpr std::uint64_t kBroadcastKind = 0x73616f72;
constexpr std::uint64_t kPingKind = 0x676e6970;
constexpr std::uint64_t kGatheredKind = 0x68746167;
constexpr std::uint32_t kBlockBytes = 8;

std::uint64_t seed_of(std::uint64_t run, std::uint64_t kind, std::uint64_t who, std::uint32_t which) {
  return mixed(run ^ mixed(kind ^ mixed(who << 32 ^ which)));
}

// The block that begins at byte n * 8 of the message.
std::uint64_t block(const Content& content, std::uint32_t n) {
  if (content.has_origin && n < content.origin.size()) return content.origin[n];
  const std::uint64_t value = mixed(content.seed + n);
  return n == 0 ? (value & ~std::uint64_t{0xff}) | content.first : value;
}

std::uint32_t size_of(std::uint64_t seed, Sizes sizes) {
  const std::uint64_t range = std::uint64_t{sizes.largest} - sizes.smallest + 1;
  return sizes.smallest + static_cast<std::uint32_t>(mixed(~seed) % range);
}

std::uint64_t doubled(std::uint32_t mask) {
  return std::uint64_t{mask} << 32 | mask;
}

}  // namespace

std::uint64_t mixed(std::uint64_t value) {
  return base::Random(value).next();
}

Content echo_content(std::uint64_t run, std::uint64_t connection, std::uint32_t sequence, Sizes sizes) {
  const std::uint64_t seed = seed_of(run, kEchoKind, connection, sequence);
  return Content{.seed = seed, .bytes = size_of(seed, sizes), .first = kEchoFirst};
}

Content broadcast_content(std::uint64_t run, std::uint32_t round, Sizes sizes, std::uint8_t marker) {
  const std::uint64_t seed = seed_of(run, kBroadcastKind, 0, round);
  return Content{.seed = seed, .bytes = size_of(seed, sizes), .first = marker};
}

Content ping_content(std::uint64_t run, std::uint64_t connection, std::uint32_t sequence) {
  return Content{
      .seed = seed_of(run, kPingKind, connection, sequence), .bytes = kPingBytes, .first = kPingFirst};
}

Content gathered_content(std::uint64_t run, const Origin& origin, Sizes sizes) {
  const std::uint64_t seed =
      mixed(seed_of(run, kGatheredKind, origin.number, origin.sequence) ^ origin.sent_ns);
  Content content{.seed = seed, .bytes = size_of(seed, sizes), .first = kGatheredFirst, .has_origin = true};
  content.origin = {std::uint64_t{kGatheredFirst} | std::uint64_t{origin.number} << 8 |
                        std::uint64_t{origin.sequence} << 40,
                    origin.sent_ns};
  return content;
}

Origin origin_of(std::span<const std::byte, kOriginBytes> first) {
  std::array<std::uint64_t, kOriginBytes / kBlockBytes> blocks;
  std::memcpy(blocks.data(), first.data(), first.size());
  return Origin{static_cast<std::uint32_t>(blocks[0] >> 8), static_cast<std::uint32_t>(blocks[0] >> 40),
                blocks[1]};
}

void write_content(const Content& content, std::uint32_t offset, std::span<std::byte> into,
                   std::uint32_t mask) {
  std::uint32_t position = offset;
  while (!into.empty()) {
    const std::uint64_t value = block(content, position / kBlockBytes) ^ doubled(mask);
    const std::uint32_t inside = position % kBlockBytes;
    const std::size_t count = std::min<std::size_t>(into.size(), kBlockBytes - inside);
    const std::uint64_t shifted = value >> (inside * 8);
    std::memcpy(into.data(), &shifted, count);
    into = into.subspan(count);
    position += static_cast<std::uint32_t>(count);
  }
}

bool matches(const Content& content, std::uint32_t offset, std::span<const std::byte> bytes) {
  if (offset > content.bytes || bytes.size() > content.bytes - offset) return false;
  std::uint32_t position = offset;
  while (!bytes.empty()) {
    const std::uint32_t inside = position % kBlockBytes;
    const std::size_t count = std::min<std::size_t>(bytes.size(), kBlockBytes - inside);
    const std::uint64_t shifted = block(content, position / kBlockBytes) >> (inside * 8);
    if (std::memcmp(bytes.data(), &shifted, count) != 0) return false;
    bytes = bytes.subspan(count);
    position += static_cast<std::uint32_t>(count);
  }
  return true;
}

}  // namespace holdfast::swarm
