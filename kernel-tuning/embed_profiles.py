"""Writes the C++ source that carries the profiles inside the program: embed_profiles.py OUTPUT PROFILE..."""

import os
import sys


def literal(text):
    """A C++ string literal per line of the text; the profiles are ASCII."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in text.splitlines())
    return "\n".join(f'     "{line}\\n"' for line in escaped)


def main(output, paths):
    entries = []
    for path in paths:
        name = os.path.basename(path).removesuffix(".profile")
        with open(path, encoding="ascii") as file:
            entries.append(f'    {{"{name}",\n{literal(file.read())}}},')
    with open(output, "w", encoding="ascii") as file:
        file.write(
            "// Made by embed_profiles.py from kernel-tuning/profiles/.\n"
            '#include "tune/profile.h"\n\n'
            "namespace holdfast::tune {\n\n"
            "const std::vector<BuiltInProfile>& built_in_profiles() {\n"
            "  static const std::vector<BuiltInProfile> profiles = {\n"
            + "\n".join(entries)
            + "\n  };\n  return profiles;\n}\n\n}  // namespace holdfast::tune\n"
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
