"""What a stream of a client's bytes means by RFC 6455: a parser for comparison, slow and one byte at a time.

Written from the RFC alone (its sections stand beside the rules) and UTF-8 from the grammar of RFC 3629; it
shares nothing with the server's reader but the two limits, which are the server's own choice. An event is
NAME@CONSUMED=PAYLOAD, where CONSUMED counts the bytes up to the one that made the event certain. Where one
byte breaks two rules, the frame's own rule comes before that of the message it is part of.
"""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NAMES = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong"}
CONTROL_OPCODES = (CLOSE, PING, PONG)
CONTROL_PAYLOAD_MAXIMUM_BYTES = 125
NO_STATUS = 1005

# RFC 3629, section 4: for each first byte the ranges that the bytes after it must be in.
TAIL = range(0x80, 0xC0)
UTF8_SEQUENCES = (
    (range(0x00, 0x80), ()),
    (range(0xC2, 0xE0), (TAIL,)),
    (range(0xE0, 0xE1), (range(0xA0, 0xC0), TAIL)),
    (range(0xE1, 0xED), (TAIL, TAIL)),
    (range(0xED, 0xEE), (range(0x80, 0xA0), TAIL)),
    (range(0xEE, 0xF0), (TAIL, TAIL)),
    (range(0xF0, 0xF1), (range(0x90, 0xC0), TAIL, TAIL)),
    (range(0xF1, 0xF4), (TAIL, TAIL, TAIL)),
    (range(0xF4, 0xF5), (range(0x80, 0x90), TAIL, TAIL)),
)


class Violation(Exception):
    """The connection must be failed with this close code."""


class _StreamEnds(Exception):
    pass


class Utf8:
    """Text byte by byte; complete when no character is open."""

    def __init__(self):
        self._expected = ()

    @property
    def complete(self):
        return not self._expected

    def take(self, byte):
        if self._expected:
            if byte not in self._expected[0]:
                raise Violation(1007)
            self._expected = self._expected[1:]
            return
        for first, following in UTF8_SEQUENCES:
            if byte in first:
                self._expected = following
                return
        raise Violation(1007)


def may_be_sent(code):
    """Section 7.4.1, and the registry of section 7.4.2, which has gained 1012 to 1014 since."""
    return code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999


class Reading:
    """One stream, read to its end or to that of the connection: `events`, and how many frames were begun."""

    def __init__(self, stream, message_maximum_bytes, fragments_maximum):
        self.events = []
        self.frames = 0
        self._stream = stream
        self._consumed = 0
        self._message_maximum_bytes = message_maximum_bytes
        self._fragments_maximum = fragments_maximum
        self._forget_message()
        try:
            while self._frame():
                pass
        except _StreamEnds:
            pass
        except Violation as violation:
            self._add("violation", str(violation))

    def _add(self, name, what):
        self.events.append(f"{name}@{self._consumed}={what}")

    def _forget_message(self):
        self._message_opcode = None
        self._message = bytearray()
        self._message_declared_bytes = 0
        self._message_frames = 0
        self._text = Utf8()

    def _byte(self):
        if self._consumed == len(self._stream):
            raise _StreamEnds
        byte = self._stream[self._consumed]
        self._consumed += 1
        return byte

    def _frame(self):
        """Section 5.2. False after a close frame: what follows it is not looked at (section 5.5.1)."""
        first = self._byte()
        self.frames += 1
        final, opcode = bool(first & 0x80), first & 0x0F
        if first & 0x70:
            raise Violation(1002)  # 5.2: MUST be 0 unless an extension was negotiated; we know none
        if opcode not in (CONTINUATION, TEXT, BINARY, *CONTROL_OPCODES):
            raise Violation(1002)  # 5.2: an unknown opcode
        if opcode in CONTROL_OPCODES:
            if not final:
                raise Violation(1002)  # 5.5: MUST NOT be fragmented
            return self._control_frame(opcode)
        self._check_place_in_message(opcode)
        self._data_frame(opcode, final)
        return True

    def _check_place_in_message(self, opcode):
        """Section 5.4."""
        if (opcode == CONTINUATION) != (self._message_opcode is not None):
            raise Violation(1002)
        if self._message_frames == self._fragments_maximum:
            raise Violation(1008)

    def _length(self, longest):
        """Section 5.2: the mask bit, and 7, 7+16 or 7+64 bits, by the fewest bytes that will do."""
        second = self._byte()
        if not second & 0x80:
            raise Violation(1002)  # 5.1: a frame that is not masked
        length = second & 0x7F
        if longest is not None and length > longest:
            raise Violation(1002)  # 5.5
        if length == 126:
            length = self._byte() << 8 | self._byte()
            if length < 126:
                raise Violation(1002)
        elif length == 127:
            length = self._byte()
            if length & 0x80:
                raise Violation(1002)  # 5.2: the most significant bit MUST be 0
            for position in range(1, 8):
                length = length << 8 | self._byte()
                if position == 5 and length == 0:
                    raise Violation(1002)  # what is left are two bytes, and two would have done
        return length

    def _key(self):
        return bytes(self._byte() for _ in range(4))

    def _data_frame(self, opcode, final):
        length = self._length(None)
        self._message_declared_bytes += length
        if self._message_declared_bytes > self._message_maximum_bytes:
            raise Violation(1009)
        key = self._key()
        self._message_frames += 1
        if opcode != CONTINUATION:
            self._message_opcode = opcode
        for position in range(length):
            byte = self._byte() ^ key[position % 4]  # 5.3
            if self._message_opcode == TEXT:
                self._text.take(byte)  # 8.1
            self._message.append(byte)
        if not final:
            return
        if not self._text.complete:
            raise Violation(1007)
        self._add(NAMES[self._message_opcode], self._message.hex())
        self._forget_message()

    def _control_frame(self, opcode):
        length = self._length(CONTROL_PAYLOAD_MAXIMUM_BYTES)
        key = self._key()
        payload = bytes(self._byte() ^ key[position % 4] for position in range(length))
        if opcode != CLOSE:
            self._add(NAMES[opcode], payload.hex())
            return True
        self._close_frame(payload)
        return False

    def _close_frame(self, payload):
        """Section 5.5.1, judged when the frame is whole."""
        if not payload:
            self._add("close", f"{NO_STATUS}:")
            return
        if len(payload) == 1:
            raise Violation(1002)
        code = payload[0] << 8 | payload[1]
        if not may_be_sent(code):
            raise Violation(1002)
        reason = Utf8()
        for byte in payload[2:]:
            reason.take(byte)
        if not reason.complete:
            raise Violation(1007)
        self._add("close", f"{code}:{payload[2:].hex()}")
