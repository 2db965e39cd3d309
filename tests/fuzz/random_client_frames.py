"""Streams of client frames from a seed: right ones, some with a fault, damaged ones, and noise."""

import random

from reference_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

CHARACTERS = ("a", "Z", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\U00010000", "\U0010ffff")
CODES = (999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535)
# Around the places where the encoding of a length changes, where a payload becomes a bulk one, and where the
# limits are.
EDGES = (0, 1, 2, 124, 125, 126, 127, 4095, 4096, 4097, 4999, 5000, 5001)
LARGE_EDGES = (65535, 65536, 65537)
STREAM_MAXIMUM_BYTES = 79 * 1024


def _frame(opcode, payload, final, key, reserved=0, width=None, declared=None):
    length = len(payload) if declared is None else declared
    if width is None:
        width = 0 if length < 126 else 2 if length < 65536 else 8
    short = length & 0x7F if width == 0 else 126 if width == 2 else 127
    head = bytes([final << 7 | reserved << 4 | opcode, (key is not None) << 7 | short])
    if width:
        head += (length % (1 << 8 * width)).to_bytes(width, "big")
    if key is None:
        return head + payload
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + key + masked.to_bytes(len(payload), "big")


class RandomClientFrames:
    def __init__(self, seed):
        self._random = random.Random(seed)

    def input(self):
        """One input of the WebSocket fuzz targets: a byte of limits, a seed of two bytes, a stream."""
        limits = 0 if self._one_in(2) else self._random.randrange(16)
        return bytes([limits]) + self._random.randbytes(2) + self._stream()[:STREAM_MAXIMUM_BYTES]

    def _one_in(self, times):
        return self._random.randrange(times) == 0

    def _stream(self):
        if self._one_in(100):
            return self._random.randbytes(self._random.randrange(60))
        faulty = self._one_in(2)
        parts = []
        for _ in range(self._random.randint(1, 8)):
            parts += self._message(faulty)
        if self._one_in(3):
            parts.append(self._close(faulty))
        stream = b"".join(parts)
        return self._damaged(stream) if self._one_in(6) else stream

    def _message(self, faulty):
        """Its frames, with control frames between them."""
        opcode = self._random.choice((TEXT, BINARY))
        payload = self._text(self._length(), faulty) if opcode == TEXT else self._bytes(self._length())
        cuts = [0, len(payload)]
        if self._one_in(3):
            cuts = sorted(cuts + [self._random.randint(0, len(payload)) for _ in range(self._few())])
        frames = []
        for index, (start, end) in enumerate(zip(cuts, cuts[1:])):
            frames += self._controls(faulty)
            last = index + 2 == len(cuts)
            if faulty and self._one_in(40):
                last = not last
            kind = opcode if (index == 0) != (faulty and self._one_in(40)) else CONTINUATION
            frames.append(self._shaped(kind, payload[start:end], last, faulty))
        return frames

    def _few(self):
        return self._random.randint(1, 10) if self._one_in(3) else self._random.randint(1, 3)

    def _controls(self, faulty):
        frames = []
        while self._one_in(4):
            longest = 126 if faulty and self._one_in(20) else 125
            payload = self._bytes(self._random.choice((0, 4, longest, self._random.randint(0, longest))))
            final = not (faulty and self._one_in(40))
            frames.append(self._shaped(self._random.choice((PING, PONG)), payload, final, faulty))
        return frames

    def _close(self, faulty):
        if self._one_in(4):
            return self._shaped(CLOSE, self._bytes(self._random.randrange(3)), True, faulty)
        code = self._random.choice(CODES) if faulty else self._random.choice((1000, 1001, 3000, 4999))
        return self._shaped(CLOSE, code.to_bytes(2, "big") + self._text(12, faulty), True, faulty)

    def _shaped(self, opcode, payload, final, faulty):
        shape = {"key": self._bytes(4)}
        if faulty and self._one_in(20):
            shape.update(
                self._random.choice(
                    (
                        {"reserved": self._random.randint(1, 7)},
                        {"key": None},
                        {"width": 2},
                        {"width": 8},
                        {"declared": self._random.getrandbits(self._random.randint(1, 64)), "width": 8},
                        {"declared": self._random.getrandbits(16), "width": 2},
                    )
                )
            )
        if faulty and self._one_in(60):
            opcode = self._random.randrange(16)
        return _frame(opcode, payload, final, **shape)

    def _length(self):
        if self._one_in(12):
            return self._random.choice(EDGES)
        if self._one_in(400):
            return self._random.choice(LARGE_EDGES)
        return self._random.randrange(self._random.choice((8, 40, 40, 300)))

    def _bytes(self, count):
        return self._random.randbytes(count)

    def _text(self, count, faulty):
        """About `count` bytes of UTF-8, of plain letters or of characters of all lengths."""
        letters = "t" if self._one_in(2) else self._random.choices(CHARACTERS, k=min(count, 60))
        text = ("".join(letters) * count).encode()[: count + 3] if letters else b""
        text = text[:count].decode(errors="ignore").encode()
        if faulty and text and self._one_in(6):
            position = self._random.randrange(len(text))
            text = text[:position] + self._bytes(1) + text[position + self._random.randrange(2) :]
        if faulty and self._one_in(12):
            text = text[: self._random.randint(0, len(text))]
        return text

    def _damaged(self, stream):
        position = self._random.randrange(len(stream))
        kind = self._random.randrange(4)
        if kind == 0:
            return stream[:position]
        if kind == 1:
            return stream[:position] + self._bytes(self._random.randint(1, 20)) + stream[position:]
        if kind == 2:
            return stream[:position] + stream[position + self._random.randint(1, 20) :]
        flipped = bytes([stream[position] ^ 1 << self._random.randrange(8)])
        return stream[:position] + flipped + stream[position + 1 :]
