// Mapping and Carver: the header, sharing, lifetime, refusals that name their cause, and a layout that is the
// same twice.
#include "memory/mapping.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "memory/poison.h"

namespace holdfast::memory {
namespace {

#if defined(HOLDFAST_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizerOwnsAddressSpace = true;
#else
constexpr bool kSanitizerOwnsAddressSpace = false;
#endif

Mapping create(std::size_t bytes) {
  absl::StatusOr<Mapping> created = Mapping::create("mapping-test", bytes);
  EXPECT_TRUE(created.ok()) << created.status();
  return std::move(created).value();
}

TEST(Mapping, StartsWithAHeaderThatSaysWhatItIs) {
  const Mapping mapping = create(100'000);
  EXPECT_EQ(std::memcmp(mapping.base(), "holdfast", 8), 0);
  EXPECT_EQ(mapping.header().version, MappingHeader::kVersion);
  EXPECT_EQ(mapping.header().header_bytes, sizeof(MappingHeader));
  EXPECT_EQ(mapping.header().mapping_bytes, mapping.bytes());
}

TEST(Mapping, IsRoundedUpToWholePagesAndZeroBehindTheHeader) {
  const Mapping mapping = create(5'000);
  EXPECT_EQ(mapping.bytes() % static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), 0u);
  EXPECT_GE(mapping.bytes(), 5'000u);
  for (std::size_t i = sizeof(MappingHeader); i < mapping.bytes(); ++i)
    ASSERT_EQ(mapping.base()[i], std::byte{0});
}

TEST(Mapping, IsSharedWithWhoeverMapsItsDescriptor) {
  const Mapping mapping = create(8'192);
  void* other = mmap(nullptr, mapping.bytes(), PROT_READ, MAP_SHARED, mapping.descriptor(), 0);
  ASSERT_NE(other, MAP_FAILED);
  mapping.base()[4'000] = std::byte{77};
  EXPECT_EQ(static_cast<std::byte*>(other)[4'000], std::byte{77});
  EXPECT_EQ(static_cast<MappingHeader*>(other)->magic, MappingHeader::kMagic);
  ASSERT_EQ(munmap(other, mapping.bytes()), 0);
}

TEST(Mapping, CostsNothingBeforeItIsTouched) {
  const Mapping mapping = create(std::size_t{1} << 34);  // 16 GiB
  mapping.base()[mapping.bytes() - 1] = std::byte{1};
  EXPECT_EQ(mapping.base()[mapping.bytes() / 2], std::byte{0});
}

#if defined(HOLDFAST_ADDRESS_SANITIZER)
TEST(Mapping, LeavesNoMarksForWhateverIsMappedThereNext) {
  std::byte* base = nullptr;
  std::size_t bytes = 0;
  {
    const Mapping mapping = create(1'000'000);
    base = mapping.base();
    bytes = mapping.bytes();
    mark_released(base + 4'096, 100'000);
    mark_released(base + 500'000, 64);
    mark_released(base + bytes - 64, 64);
  }
  EXPECT_EQ(__asan_region_is_poisoned(base, bytes), nullptr);
}
#endif

TEST(Mapping, DescriptorClosesWithItAndOnExec) {
  int descriptor = -1;
  {
    const Mapping mapping = create(4'096);
    descriptor = mapping.descriptor();
    EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(fcntl(descriptor, F_GETFD), -1);
}

TEST(Mapping, MovesWithoutMovingItsMemory) {
  Mapping first = create(4'096);
  std::byte* base = first.base();
  Mapping second = std::move(first);
  EXPECT_EQ(second.base(), base);
  Mapping third;
  third = std::move(second);
  EXPECT_EQ(third.base(), base);
  EXPECT_EQ(third.header().magic, MappingHeader::kMagic);
  third = create(8'192);
  EXPECT_EQ(third.bytes(), 8'192u);
}

TEST(Mapping, RefusesSizesThatMakeNoSenseAndNamesTheSize) {
  const absl::Status small = Mapping::create("mapping-test", 1).status();
  EXPECT_EQ(small.code(), absl::StatusCode::kInvalidArgument);
  const absl::Status large = Mapping::create("mapping-test", std::size_t{1} << 50).status();
  EXPECT_EQ(large.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(large.message()).find("1125899906842624"), std::string::npos) << large;
}

TEST(Mapping, RefusesANameTheKernelCannotHold) {
  const std::string name(300, 'n');
  EXPECT_EQ(Mapping::create(name.c_str(), 4'096).status().code(), absl::StatusCode::kInvalidArgument);
}

// Runs in a child, because the limit would hold for the rest of this process.
void create_under(int resource, rlim_t maximum, std::size_t bytes) {
  const rlimit limit{maximum, maximum};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) _exit(1);
  const absl::Status status = Mapping::create("mapping-test", bytes).status();
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  _exit(2);
}

TEST(MappingDeathTest, NamesTheFileSizeLimitInsteadOfDyingBySignal) {
  EXPECT_EXIT(create_under(RLIMIT_FSIZE, 1u << 20, 2u << 20), testing::ExitedWithCode(2),
              "RESOURCE_EXHAUSTED.*mapping-test.*2097152 bytes.*file size limit is 1048576 bytes.*ulimit -f");
}

TEST(MappingDeathTest, NamesTheLimitOnOpenFiles) {
  EXPECT_EXIT(create_under(RLIMIT_NOFILE, 0, 4'096), testing::ExitedWithCode(2),
              "RESOURCE_EXHAUSTED.*ulimit -n");
}

TEST(MappingDeathTest, NamesTheAddressSpaceLimit) {
  if (kSanitizerOwnsAddressSpace) GTEST_SKIP() << "the sanitizer needs the address space itself";
  EXPECT_EXIT(create_under(RLIMIT_AS, 1u << 30, std::size_t{4} << 30), testing::ExitedWithCode(2),
              "RESOURCE_EXHAUSTED.*4294967296 bytes.*address space limit is 1073741824 bytes.*ulimit -v");
}

TEST(Carver, GivesTheSameLayoutOverNoMemoryAndOverTheMapping) {
  const auto layout = [](Carver& carver) {
    auto* numbers = carver.take<std::uint64_t>(1'000);
    auto* bytes = carver.take<std::byte>(777);
    auto* pages = carver.take<std::byte>(10'000, 4'096);
    return std::tuple{numbers, bytes, pages};
  };
  Carver measuring(nullptr);
  const auto nothing = layout(measuring);
  EXPECT_EQ(std::get<0>(nothing), nullptr);
  EXPECT_EQ(std::get<2>(nothing), nullptr);
  const Mapping mapping = create(measuring.used());
  Carver carving(mapping.base());
  const auto [numbers, bytes, pages] = layout(carving);
  EXPECT_EQ(carving.used(), measuring.used());
  EXPECT_LE(carving.used(), mapping.bytes());
  EXPECT_GE(reinterpret_cast<std::byte*>(numbers), mapping.base() + sizeof(MappingHeader));
  EXPECT_GE(bytes, reinterpret_cast<std::byte*>(numbers + 1'000));
  EXPECT_GE(pages, bytes + 777);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers) % 64, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages) % 4'096, 0u);
  EXPECT_EQ(pages + 10'000, mapping.base() + carving.used());
}

TEST(CarverDeathTest, CatchesASizeNoMappingCanHave) {
  Carver carver(nullptr);
  EXPECT_DEATH(carver.take<std::byte>(std::size_t{1} << 60), "CHECK failed");
  EXPECT_DEATH(carver.take<std::byte>(1, 3), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::memory
