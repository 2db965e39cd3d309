"""Reads as much of C++ as tools/tidy needs: source without comments and literals, and where functions are.

No parser: it relies on code that clang-format has formatted (a body's brace follows a space, that of a braced
initialiser does not) and does not follow the preprocessor.
"""

import re

_TOKEN = re.compile(
    r"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
  | (?P<raw> \b(?:u8|u|U|L)?R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)" )
  | (?P<string> "(?:\\.|[^"\\\n])*" )
  | (?P<number> \b[0-9][0-9a-fA-FxXbB'.]*)
  | (?P<character> '(?:\\.|[^'\\\n])+' )
    """,
    re.VERBOSE | re.DOTALL)

_CONTAINER = re.compile(r"^(inline\s+|export\s+)?(namespace|class|struct|union|enum|extern)\b")
_CONSTRUCTOR = re.compile(r"\)\s*(noexcept\s*)?:(?!:)")


def _blank(text):
    """Spaces instead of the characters, lines kept, so that positions stay true."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    return _TOKEN.sub(lambda token: _blank(token[0]) if token["comment"] else token[0], text)


def _bare(text):
    """Without comments, literals and preprocessor lines."""
    text = _TOKEN.sub(lambda token: token[0] if token["number"] else _blank(token[0]), text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda line: _blank(line[0]), text, flags=re.MULTILINE)


def _without_parentheses(header):
    """A block's header without what stands in parentheses, template parameters and attributes."""
    header = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^()]*\)", " ", header, flags=re.DOTALL)
    previous = None
    while previous != header:
        previous = header
        header = re.sub(r"\([^()]*\)", "@", header)
    header = re.sub(r"^(\s*(public|private|protected)\s*:)*", "", header)
    return re.sub(r"^\s*template\s*<[^{;]*?>\s*(requires[^{;]*?)?", "", header)


def _kind(header, before_brace):
    """What the brace after this header opens, outside of any function: container, function or initialiser."""
    short = _without_parentheses(header).strip()
    if _CONTAINER.match(short) and "@" not in short:
        return "container"
    if "@" not in short:
        return "initialiser"
    if _CONSTRUCTOR.search(header.replace("@", ")")) and not before_brace.isspace():
        return "initialiser"
    if re.search(r"(?<![=!<>])=(?!=)\s*$", short):
        return "initialiser"
    return "function"


def functions(text):
    """Yields (name, first line, last line) of every function body that is not inside another one."""
    bare = _bare(text)
    header_start = 0
    stack = []  # of (kind, start of the header)
    for match in re.finditer(r"[{};]", bare):
        at = match.start()
        inside_function = any(kind == "function" for kind, _ in stack)
        inside_initialiser = bool(stack) and stack[-1][0] == "initialiser"
        if match[0] == "{":
            if inside_function or inside_initialiser:
                stack.append(("block", header_start))
                continue
            kind = _kind(bare[header_start:at], bare[at - 1:at])
            stack.append((kind, header_start))
            if kind != "initialiser":
                header_start = at + 1
        elif match[0] == "}" and stack:
            kind, start = stack.pop()
            if kind == "function":
                first = start + len(bare[start:at]) - len(bare[start:at].lstrip())
                yield (_name(bare[start:at]), bare.count("\n", 0, first) + 1, bare.count("\n", 0, at) + 1)
            # What follows a braced initialiser still belongs to the header it stands in.
            if kind in ("function", "container"):
                header_start = at + 1
        elif match[0] == ";" and not inside_function and not inside_initialiser:
            header_start = at + 1


def _name(source):
    """The name before the first parenthesis; for a test, its own name."""
    test = re.match(r"\s*(TEST|TEST_F|TEST_P|TYPED_TEST)\s*\(\s*(\w+)\s*,\s*(\w+)", source)
    if test:
        return f"{test[2]}.{test[3]}"
    name = re.search(r"([\w:~]+|operator\S+)\s*\(", source)
    return name[1] if name else "a function"
