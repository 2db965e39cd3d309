// The one way things in shared memory refer to each other: 32-bit indexes, never pointers, so that the
// mapping can be attached at another address by another process (rule R8).
#pragma once

#include <cstdint>

namespace holdfast::memory {

using Index = std::uint32_t;
inline constexpr Index kNoIndex = 0xffff'ffffu;

}  // namespace holdfast::memory
