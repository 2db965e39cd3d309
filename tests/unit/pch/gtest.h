// Precompiled for each room's tests: to read googletest takes longer than most of the tests take to compile.
#include <gtest/gtest.h>
