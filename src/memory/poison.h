// Marks for memory that nobody owns: AddressSanitizer reports a touch of it, and a debug build that defines
// HOLDFAST_POISON overwrites it with 0xDD so that use after release is seen without a sanitizer too.
//
// In release builds the functions are empty. Only the mapping the arena was given is marked: a second
// mapping of the same memory is not known to the sanitizer.
#pragma once

#include <cstddef>
#include <cstring>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOLDFAST_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(HOLDFAST_ADDRESS_SANITIZER)
#define HOLDFAST_ADDRESS_SANITIZER 1
#endif

#if defined(HOLDFAST_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace holdfast::memory {

// Nobody may touch [start, start + bytes) until mark_claimed().
inline void mark_released([[maybe_unused]] std::byte* start, [[maybe_unused]] std::size_t bytes) {
#if defined(HOLDFAST_POISON) && !defined(NDEBUG)
  std::memset(start, 0xDD, bytes);
#endif
#if defined(HOLDFAST_ADDRESS_SANITIZER)
  ASAN_POISON_MEMORY_REGION(start, bytes);
#endif
}

inline void mark_claimed([[maybe_unused]] std::byte* start, [[maybe_unused]] std::size_t bytes) {
#if defined(HOLDFAST_ADDRESS_SANITIZER)
  ASAN_UNPOISON_MEMORY_REGION(start, bytes);
#endif
}

// Takes all marks off memory that goes back to the kernel: whatever is mapped there next must not inherit
// them. Looks for marks instead of overwriting them, because a mapping is mostly untouched and its marks'
// memory is too.
inline void clear_marks([[maybe_unused]] std::byte* start, [[maybe_unused]] std::size_t bytes) {
#if defined(HOLDFAST_ADDRESS_SANITIZER)
  constexpr std::size_t kStepBytes = 64 * 1024;
  std::byte* const end = start + bytes;
  while (start < end) {
    start = static_cast<std::byte*>(__asan_region_is_poisoned(start, static_cast<std::size_t>(end - start)));
    if (start == nullptr) return;
    const std::size_t left = static_cast<std::size_t>(end - start);
    const std::size_t step = left < kStepBytes ? left : kStepBytes;
    ASAN_UNPOISON_MEMORY_REGION(start, step);
    start += step;
  }
#endif
}

}  // namespace holdfast::memory
