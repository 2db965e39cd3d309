// Assertions that stay on in release builds: CHECK for what must hold if our own code is right.
//
// A failed CHECK is a bug in holdfast, never something a peer or the kernel can cause. It prints the
// condition, the place and, when the calling thread has registered one, a description of what it was working
// on, and aborts: carrying on with broken state would risk one client's bytes reaching another.
#pragma once

namespace holdfast::base {

// Describes what the calling thread is working on, into a buffer of `capacity` bytes, NUL-terminated. Must
// not allocate.
using CheckContext = void (*)(void* argument, char* buffer, unsigned capacity);

// Registers the description printed when a CHECK of the calling thread fails; nullptr removes it.
void set_check_context(CheckContext describe, void* argument);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace holdfast::base

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::holdfast::base::check_failed(#condition, __FILE__, __LINE__))
