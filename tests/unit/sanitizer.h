// HOLDFAST_SANITIZED: whether ASan or TSan is built in. They bring an allocator of their own, which keeps
// what is freed for a while. g++ says so by a macro, clang by a feature.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOLDFAST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOLDFAST_SANITIZED 1
#endif
#endif
#ifndef HOLDFAST_SANITIZED
#define HOLDFAST_SANITIZED 0
#endif
