"""Shows that each rule of tools/tidy catches what it is for, and lets good code pass: tools/tidy --self-test.

Each case is a small tree in a temporary folder. BAD: (rule, files, words of the complaint). GOOD: files no
rule may complain about.
"""

import os
import tempfile

ORDER = "".join(f"subdir('{room}')\n" for room in ["base", "memory", "ring", "net", "ws", "shard"])


def lines(count, line="  step();"):
    return "\n".join([line] * count)


SLOT = "// Slots.\nstatic_assert(sizeof(Slot) == 64);\nstatic_assert(sizeof(SlotDetail) == 32);\n"

# What every case starts from: a tree no rule complains about.
FRAME = {
    "meson.build": "", "meson_options.txt": "", "README.md": "", "LICENSE": "", "SECURITY.md": "",
    "kernel-tuning/README.md": "",
    "perf/README.md": "", "tools/README.md": "", "tests/README.md": "",
    "src/meson.build": ORDER,
    "include/meson.build": "['server.h']",
    "include/holdfast/server.h":
        "// The server.\n#pragma once\n#include <absl/status/status.h>\n\n#include <span>\n",
    "src/base/check.h": "// Checks.\n#pragma once\n",
    "src/net/slot.h": SLOT,
}

LONG_FUNCTION = f"// Long.\nnamespace a {{\nvoid grow(int x) {{\n{lines(69)}\n}}\n}}  // namespace a\n"
LONG_METHOD = f"// Long.\nclass A {{\n  int grow(int x) const noexcept {{\n{lines(69)}\n  }}\n}};\n"
LONG_CONSTRUCTOR = f"// Long.\nA::A(int x) : b_{{x}}, c_(x), d_{{}} {{\n{lines(69)}\n}}\n"
LONG_TEST = f"// Long.\nTEST(Slot, ClosesInThreeVerbs) {{\n{lines(69)}\n}}\n"
LONG_PYTHON = f'"""Long."""\ndef grow():\n{lines(70)}\n'

BAD = [
    ("include_direction", {"src/net/a.h": '// A.\n#include "shard/b.h"\n', "src/shard/b.h": "// B.\n"},
     "src/net/a.h:2 net includes shard"),
    ("include_direction", {"src/net/a.h": '// A.\n#include "slot.h"\n'}, "room/file.h"),
    ("include_direction", {"src/net/a.h": '// A.\n#include "net/gone.h"\n'}, "not a file of a room"),
    ("include_direction", {"src/attic/a.h": "// A.\n"}, "attic is not in"),
    ("include_direction", {"src/apps/a.cc": '// A.\n#include "net/slot.h"\n'}, "a program includes the"),
    ("include_direction", {"include/holdfast/server.h": '// S.\n#include "net/slot.h"\n'}, "a public header"),
    ("library_seams", {"src/net/a.cc": "// A.\n#include <liburing.h>\n"}, "src/net/a.cc:2"),
    ("library_seams", {"src/shard/a.cc": "// A.\nint x = IORING_OP_SEND;\n"}, "belongs into src/ring"),
    ("library_seams", {"src/net/a.cc": "// A.\nvoid f() { wslay_event_recv(x); }\n"}, "belongs into src/ws"),
    ("public_headers", {"include/holdfast/server.h": "// On io_uring.\n"}, "mentions io_uring"),
    ("public_headers", {"include/holdfast/server.h": "// S.\n#include <zlib.h>\n"}, "zlib.h"),
    ("public_headers", {"include/holdfast/server.h": '// S.\n#include "absl/time/time.h"\n'}, "absl/time"),
    ("public_headers", {"include/holdfast/topic.h": "// T.\n"}, "not listed"),
    ("file_length", {"src/net/a.cc": "// A.\n" + lines(600, "int x;")}, "601 lines"),
    ("line_length", {"src/net/a.cc": "// A.\n//" + "é" * 109}, "111 columns"),
    ("line_length", {"tools/a": "#!/bin/bash\n# A.\n" + "a" * 111}, "tools/a:3"),
    ("function_length", {"src/net/a.cc": LONG_FUNCTION}, "src/net/a.cc:3 grow: 71 lines"),
    ("function_length", {"src/net/a.h": LONG_METHOD}, "grow: 71 lines"),
    ("function_length", {"src/net/a.cc": LONG_CONSTRUCTOR}, "A::A: 71 lines"),
    ("function_length", {"tests/unit/net/a.cc": LONG_TEST}, "Slot.ClosesInThreeVerbs: 71 lines"),
    ("function_length", {"tests/wire/a.py": LONG_PYTHON}, "grow: 71 lines"),
    ("unfinished_marks", {"src/net/a.cc": "// A.\n// TO" "DO: write\n"}, "src/net/a.cc:2"),
    ("unfinished_marks", {"src/net/a.cc": "// A.\nint x;  // FIX" "ME\n"}, "src/net/a.cc:2"),
    ("unfinished_marks", {"tests/wire/a.py": '"""A."""\n# XX' 'X\n'}, "tests/wire/a.py:2"),
    ("unfinished_marks", {"src/net/a.cc": "// A stu" "b.\n"}, "src/net/a.cc:1"),
    ("unfinished_marks", {"tools/a": "#!/bin/bash\n# A.\n# not implement" "ed\n"}, "tools/a:3"),
    ("unfinished_marks", {"src/net/a.cc": "// A.\n// Enough for no" "w.\n"}, "src/net/a.cc:2"),
    ("opening_comment", {"src/net/a.cc": "#include <span>\n"}, "src/net/a.cc:1"),
    ("opening_comment", {"tools/a": "#!/bin/bash\nset -e\n"}, "tools/a:1"),
    ("opening_comment", {"tests/wire/a.py": "import os\n"}, "tests/wire/a.py:1"),
    ("words", {"src/net/slot_util.h": "// A.\n"}, 'says "util"'),
    ("words", {"tests/common/a.py": '"""A."""\n'}, 'says "common"'),
    ("words", {"src/net/a.h": "// A.\nclass SlotManager {};\n"}, "SlotManager"),
    ("every_source_is_built", {"src/net/a.cc": "// A.\n", "src/net/meson.build": "'bba.cc'"}, "src/net/a.cc"),
    ("byte_budget", {"src/net/slot.h": SLOT.replace("64", "72")}, "sizeof(Slot) == 64"),
    ("top_level", {"notes.txt": ""}, "notes.txt:1 does not belong"),
    ("clang_format", {"src/net/a.cc": "// A.\nint   x  =1 ;\n", ".clang-format": "BasedOnStyle: Google\n"},
     "src/net/a.cc:2"),
]

GOOD_CPP = """// Good code that looks like bad code. The io_uring ring and wslay may be named in a comment.
#include "net/a.h"

#include <span>

#include "base/check.h"

#define LOOP(x) \\
  do {          \\
  } while (0)

namespace a::b {
namespace {

constexpr int kTable[] = {1, 2, '{', '"', 1'000'000};
const char* const kText = R"({ "never": { ends)";

enum class State : unsigned { open, closed };

struct alignas(64) Slot final : public Base<int (*)(int)> {
  explicit Slot(int x) : x_{x}, y_{{1, 2}} { CHECK(x > 0); }
  template <typename T>
  T get() const {
    return {x_, '}'};
  }
  int x_ = 0;
  std::array<int, 2> y_{};
};

%s

auto later = [](int x) { return x; };

}  // namespace

Slot::Slot() noexcept : x_{1} {
  if (x_) {
    auto f = [&] { return Slot{1}; };
  }
  for (int a : {1, 2}) step(a);
}

}  // namespace a::b
""" % "\n".join(["void step%d();" % number for number in range(80)])

GOOD = {
    "src/net/a.h": "// A.\n#pragma once\n#include \"memory/pool.h\"\n#include \"net/slot.h\"\n",
    "src/memory/pool.h": "// Pool.\n",
    "src/net/a.cc": GOOD_CPP,
    "src/net/meson.build": "holdfast_sources += files('a.cc')\n",
    "src/ring/ring.h": "// Ring.\n#include <liburing.h>\nint x = IORING_OP_SEND;\n",
    "src/apps/echo.cc": "// Echo.\n#include <holdfast/server.h>\n#include \"flags.h\"\n",
    "src/apps/flags.h": "// Flags.\n",
    "src/apps/meson.build": "foreach name : ['echo']\n",
    "tools/test": "#!/bin/bash\n# Makes folders by mktemp /tmp/a.XXXXXX and answers 501 Not Implemented.\n",
    "src/ws/answer.h": "// Answers.\nconst char* kAnswer = \"none for no" "w\";\n",
    "tests/fuzz/corpus/ws/data": "TO" "DO",
    "tests/wire/a.py": f'"""A."""\ndef grow():\n{lines(69)}\n',
    "tests/unit/net/a_test.cc": f"// Just short enough.\nTEST(A, B) {{\n{lines(68)}\n}}\n",
    "tests/unit/net/meson.build": "files('a_test.cc')",
}


def complaints(tidy, files, rules):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**FRAME, **files}.items():
            place = os.path.join(root, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w", encoding="utf-8") as file:
                file.write(text)
        tree = tidy.Tree(root)
        return [f"{rule.__name__}: {path}:{line} {why}" for rule in rules for path, line, why in rule(tree)]


def run(tidy):
    known = {rule.__name__: rule for rule in tidy.RULES}
    failures = 0
    for name in sorted(set(known) - {rule for rule, _, _ in BAD}):
        failures += 1
        print(f"FAIL self-test {name}: no bad snippet shows that it catches anything")
    for name, files, expected in BAD:
        found = complaints(tidy, files, [known[name]])
        if len(found) == 1 and expected in found[0]:
            print(f"ok self-test {name} catches {expected}")
        else:
            failures += 1
            print(f"FAIL self-test {name}: expected one complaint with '{expected}', got {found}")
    rules = [rule for rule in tidy.RULES if rule is not tidy.clang_format]
    found = complaints(tidy, GOOD, rules)
    print("ok self-test good code passes" if not found else f"FAIL self-test good code: {found}")
    return 1 if failures or found else 0
