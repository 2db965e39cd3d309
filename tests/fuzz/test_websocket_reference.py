"""The server's WebSocket reader against an independent parser: the same events, close codes and positions.

With HOLDFAST_SOAK=1 (tools/soak) over 1,000,000 random frames; HOLDFAST_SEED chooses others.
"""

import collections
import json
import os
import pathlib
import struct
import subprocess
import unittest

import reference_websocket
from random_client_frames import RandomClientFrames

FOLDER = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", FOLDER.parents[1] / "build"))
READER = BUILD / "tests" / "fuzz" / "websocket_events"
CORPORA = ("websocket_frames", "websocket_differential")
SOAK = os.environ.get("HOLDFAST_SOAK", "") not in ("", "0")
FRAMES = 1_000_000 if SOAK else 20_000
SEED = int(os.environ.get("HOLDFAST_SEED", "1"))
INPUTS_IN_A_BATCH = 2000
BATCH_LIMIT_S = 120.0

# How an input begins; tests/fuzz/websocket_input.h reads the same.
PREFIX_BYTES = 3
MESSAGE_BYTES = (64 * 1024, 5000, 125, 1)
FRAGMENTS = (1024, 8, 2, 1)


def reference(one_input):
    return reference_websocket.Reading(
        one_input[PREFIX_BYTES:], MESSAGE_BYTES[one_input[0] & 3], FRAGMENTS[one_input[0] >> 2 & 3]
    )


def server_lines(inputs):
    """What the server's reader makes of each input."""
    records = b"".join(struct.pack("<I", len(one)) + one for one in inputs)
    ended = subprocess.run(
        [str(READER)], input=records, capture_output=True, timeout=BATCH_LIMIT_S, check=False
    )
    lines = ended.stdout.decode().splitlines()
    if ended.returncode != 0:
        died_on = inputs[len(lines)].hex() if len(lines) < len(inputs) else "the end"
        raise AssertionError(f"the reader died on {died_on}: {ended.stderr.decode()[-2000:]}")
    return lines


def a_batch(frames):
    return [frames.input() for _ in range(INPUTS_IN_A_BATCH)]


class WebsocketReference(unittest.TestCase):
    maxDiff = 2000

    def compare(self, inputs):
        """All inputs are the same to both; how many frames they had, and how often each event came."""
        lines = server_lines(inputs)
        self.assertEqual(len(lines), len(inputs))
        frames, seen = 0, collections.Counter()
        for one_input, line in zip(inputs, lines):
            reading = reference(one_input)
            self.assertEqual(line, " ".join(reading.events), f"input {one_input.hex()}")
            frames += reading.frames
            seen.update(kind(event) for event in reading.events)
        return frames, seen

    def test_TheCorpusMeansTheSameToBoth(self):
        inputs = [
            path.read_bytes() for name in CORPORA for path in sorted((FOLDER / "corpus" / name).iterdir())
        ]
        self.assertGreater(len(inputs), 100)
        self.compare(inputs)

    def test_RandomFramesMeanTheSameToBoth(self):
        drawn = RandomClientFrames(SEED)
        frames, streams, seen = 0, 0, collections.Counter()
        while frames < FRAMES:
            batch = a_batch(drawn)
            more, kinds = self.compare(batch)
            frames += more
            streams += len(batch)
            seen.update(kinds)
        # All that there is to say was said, often.
        for expected in ("text", "binary", "ping", "pong", "close", *map(str, (1002, 1007, 1008, 1009))):
            self.assertGreater(seen[expected], FRAMES // 1000, f"{expected}: {seen}")
        if path := os.environ.get("HOLDFAST_FIGURES"):
            figure = {"test": self.id().split(".", 1)[-1], "figure": "reference parser", "frames": frames}
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({**figure, "streams": streams, "differences": 0}) + "\n")

    def test_AReaderWithOtherRulesIsFound(self):
        batch = a_batch(RandomClientFrames(SEED))
        other_limits = [bytes([one[0] ^ 3]) + one[1:] for one in batch]
        differences = sum(
            line != " ".join(reference(one).events) for one, line in zip(batch, server_lines(other_limits))
        )
        self.assertGreater(differences, len(batch) // 20)


def kind(event):
    """text, binary, ping, pong, close, or a violation's code."""
    name, what = event.split("@", 1)
    return what.split("=")[1] if name == "violation" else name


if __name__ == "__main__":
    unittest.main()
