// Mapping: memfd, size, mmap, header; and the Carver that lays arrays out in it.
//
// Nothing is reserved and nothing is touched but the header, so that creating a mapping for the worst case is
// cheap and what refuses it is a limit, not the machine's memory. Every refusal names that limit.
#include "memory/mapping.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "memory/poison.h"

namespace holdfast::memory {
namespace {

constexpr std::size_t kBytesMaximum = std::size_t{1} << 46;  // half of what 47-bit user addresses reach

absl::Status refused(const char* name, std::size_t bytes, const char* step, int error,
                     const char* next_step) {
  return absl::ResourceExhaustedError(absl::StrCat("memory mapping \"", name, "\" of ", bytes, " bytes: ",
                                                   step, " failed: ", std::strerror(error), ". ", next_step));
}

std::string limit_text(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : absl::StrCat(limit);
}

// Growing a file beyond RLIMIT_FSIZE raises SIGXFSZ, which ends a process that has no handler: so it is asked
// before.
absl::Status check_file_size_limit(const char* name, std::size_t bytes) {
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  if (limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur) return absl::OkStatus();
  const std::string next_step =
      absl::StrCat("The file size limit is ", limit_text(limit.rlim_cur),
                   " bytes: raise it (ulimit -f, LimitFSIZE=) or lower max_connections.");
  return refused(name, bytes, "setting its size", EFBIG, next_step.c_str());
}

absl::Status map_refused(const char* name, std::size_t bytes, int error) {
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  const std::string next_step = absl::StrCat(
      "The address space limit is ", limit_text(limit.rlim_cur),
      " bytes (ulimit -v, LimitAS=) and vm.max_map_count bounds the number of mappings: raise what is too "
      "low, or lower max_connections.");
  return refused(name, bytes, "mapping it", error, next_step.c_str());
}

absl::Status memfd_refused(const char* name, std::size_t bytes, int error) {
  switch (error) {
    case EMFILE:  // this process is at RLIMIT_NOFILE
    case ENFILE:  // the host is at fs.file-max
      return refused(name, bytes, "memfd_create", error,
                     "Raise the limit on open files (ulimit -n, fs.file-max).");
    case EINVAL:
      return absl::InvalidArgumentError(absl::StrCat("memory mapping \"", name,
                                                     "\": memfd_create failed: ", std::strerror(error),
                                                     ". Use a name of at most 249 bytes."));
    case ENOSYS:
    case EPERM:
      return refused(name, bytes, "memfd_create", error,
                     "Allow memfd_create in the seccomp filter of this process.");
    default:  // ENOMEM is the only other one memfd_create(2) names
      return refused(name, bytes, "memfd_create", error,
                     "Raise the memory limit of the cgroup or free memory.");
  }
}

std::size_t round_up(std::size_t value, std::size_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

absl::StatusOr<Mapping> Mapping::create(const char* name, std::size_t bytes) {
  if (bytes < sizeof(MappingHeader) || bytes > kBytesMaximum) {
    return absl::InvalidArgumentError(absl::StrCat("memory mapping \"", name, "\" of ", bytes,
                                                   " bytes: the size must be between ", sizeof(MappingHeader),
                                                   " and ", kBytesMaximum, ". Lower max_connections."));
  }
  const std::size_t rounded = round_up(bytes, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
  if (absl::Status status = check_file_size_limit(name, rounded); !status.ok()) return status;

  Mapping mapping;  // closes the descriptor on every return below
  mapping.descriptor_ = memfd_create(name, MFD_CLOEXEC);
  if (mapping.descriptor_ < 0) return memfd_refused(name, rounded, errno);
  if (ftruncate(mapping.descriptor_, static_cast<off_t>(rounded)) != 0) {
    return refused(name, rounded, "setting its size", errno, "Lower max_connections.");
  }
  void* base =
      mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, mapping.descriptor_, 0);
  if (base == MAP_FAILED) return map_refused(name, rounded, errno);
  mapping.base_ = static_cast<std::byte*>(base);
  mapping.bytes_ = rounded;
  MappingHeader* header = new (mapping.base_) MappingHeader;
  header->mapping_bytes = rounded;
  return mapping;
}

Mapping::Mapping(Mapping&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  // The old memory goes with `other`, whose destructor runs at the caller's.
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Mapping::~Mapping() {
  if (base_ != nullptr) {
    clear_marks(base_, bytes_);
    CHECK(munmap(base_, bytes_) == 0);
  }
  if (descriptor_ >= 0) close(descriptor_);
}

const MappingHeader& Mapping::header() const {
  CHECK(base_ != nullptr);
  return *reinterpret_cast<const MappingHeader*>(base_);
}

std::byte* Carver::take_bytes(std::size_t bytes, std::size_t alignment) {
  CHECK(alignment > 0 && (alignment & (alignment - 1)) == 0);
  const std::size_t start = round_up(used_, alignment);
  CHECK(start >= used_ && bytes <= kBytesMaximum - start);
  used_ = start + bytes;
  return base_ == nullptr ? nullptr : base_ + start;
}

}  // namespace holdfast::memory
