"""A client that can send anything: a raw WebSocket and a length-prefixed TCP connection, each wait bounded.

It never repairs what it is given: frames may be unmasked, lengths may lie, requests may be nonsense. What it
receives it judges strictly: a server's frame is final, unmasked, without RSV bits and in its shortest form.
"""

import base64
import collections
import ctypes
import hashlib
import os
import random
import select
import socket
import struct
import time

# Where everything is slower, as under a sanitizer, all waits are longer: they only end what hangs.
PATIENCE = float(os.environ.get("HOLDFAST_PATIENCE", "1"))
DEADLINE_S = 10.0 * PATIENCE
KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_CODE = 1005  # stands for a close frame without a code, as in RFC 6455 7.1.5
SO_ATTACH_FILTER = 26

Frame = collections.namedtuple("Frame", "opcode payload")
Response = collections.namedtuple("Response", "status fields body")


class Ended(Exception):
    """The peer ended the connection while more was expected."""


class Silent(AssertionError):
    """Nothing came in time."""


class Closed(AssertionError):
    """A close frame came where a message was expected."""


def masked(payload, key):
    if not payload:
        return b""
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def frame(
    opcode, payload=b"", final=True, rsv=0, key=b"\x37\xfa\x21\x3d", declared=None, length_bytes=None
):
    """A client's frame. key=None leaves it unmasked; `declared` lies about the length; `length_bytes` (0, 2
    or 8 extended length bytes) forces a form of it."""
    declared = len(payload) if declared is None else declared
    if length_bytes is None:
        length_bytes = 0 if declared < 126 else 2 if declared < 65536 else 8
    seven = {0: declared, 2: 126, 8: 127}[length_bytes]
    head = bytes([(0x80 if final else 0) | rsv << 4 | opcode, (0x80 if key is not None else 0) | seven])
    head += declared.to_bytes(length_bytes, "big") if length_bytes else b""
    if key is None:
        return head + payload
    return head + key + masked(payload, key)


def close_payload(code, reason=b""):
    return struct.pack(">H", code) + reason


def new_key():
    return base64.b64encode(os.urandom(16))


def accept_for(key):
    return base64.b64encode(hashlib.sha1(key + KEY_SUFFIX).digest())


def request(key=b"dGhlIHNhbXBsZSBub25jZQ==", start=b"GET / HTTP/1.1", without=(), extra=(), **changed):
    """An upgrade request. `without` names fields to leave out, `extra` is whole lines to add, and keyword
    arguments replace values (underscores stand for hyphens)."""
    fields = {
        b"host": b"localhost",
        b"upgrade": b"websocket",
        b"connection": b"Upgrade",
        b"sec-websocket-key": key,
        b"sec-websocket-version": b"13",
    }
    fields.update({name.replace("_", "-").encode(): value for name, value in changed.items()})
    lines = [start] + [
        name + b": " + value for name, value in fields.items() if name.decode() not in without
    ]
    return b"\r\n".join(lines + list(extra)) + b"\r\n\r\n"


def random_pieces(stream, rng, longest):
    position = 0
    while position < len(stream):
        count = rng.randint(1, longest)
        yield stream[position : position + count]
        position += count


class Connection:
    read_bytes_maximum = 262144

    def __init__(
        self,
        address,
        receive_buffer_bytes=None,
        send_buffer_bytes=None,
        deadline_s=DEADLINE_S,
        source=None,
    ):
        self.deadline_s = deadline_s
        self.unread = bytearray()
        self.ended = None  # "fin" or "reset" once the peer has ended it
        self.messages = []  # filled by crowd.exchange
        self.vanished = False
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        if send_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        self.socket.settimeout(deadline_s)
        if source:
            self.socket.bind((source, 0))
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, stream):
        self.socket.sendall(stream)

    def send_or_end(self, stream):
        """Sends what the peer may no longer want; False when it has ended."""
        try:
            self.socket.sendall(stream)
            return True
        except TimeoutError:
            raise AssertionError(f"the peer took nothing for {self.deadline_s} s") from None
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_pieces(self, pieces):
        for piece in pieces:
            if not self.send_or_end(piece):
                return

    def fill(self):
        """Receives once into `unread`; False when the peer has ended. A timeout is a failure."""
        if self.ended:
            return False
        try:
            piece = self.socket.recv(self.read_bytes_maximum)
        except TimeoutError:
            raise Silent(f"nothing came within {self.deadline_s} s; unread: {self.beginning()}") from None
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            return False
        if not piece:
            self.ended = "fin"
            return False
        self.unread += piece
        return True

    def beginning(self, count=200):
        return bytes(self.unread[:count])

    def need(self, count):
        while len(self.unread) < count:
            if not self.fill():
                raise Ended(f"ended by {self.ended} with {self.beginning()} unread, {count} bytes wanted")

    def take(self, count):
        self.need(count)
        taken = bytes(self.unread[:count])
        del self.unread[:count]
        return taken

    def quiet_for(self, seconds):
        """True when neither bytes nor an end came in that time."""
        if self.unread or self.ended:
            return False
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        return not poller.poll(seconds * 1000)

    def wait_for_end(self):
        """Reads until the peer ends the connection; "fin" or "reset". What came before stays in `unread`."""
        end = time.monotonic() + self.deadline_s
        while self.fill():
            if time.monotonic() > end:
                raise AssertionError("the peer went on sending and never ended the connection")
        return self.ended

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        # The FIN of a vanished socket would be repeated for minutes, for its ACK never gets through.
        if self.vanished:
            self.reset()
        self.socket.close()

    def reset(self):
        """Ends the connection with RST instead of FIN."""
        if self.socket.fileno() < 0:
            return
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def vanish(self):
        """From now on the kernel drops whatever comes for this socket: no ACK, no RST, as if unplugged."""
        self.vanished = True
        instruction = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0 bytes
        self.socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(instruction))
        )


class WebSocket(Connection):
    def __init__(self, address, **options):
        super().__init__(address, **options)
        self.control = []  # pings and pongs that came between messages
        self.answer_pings = True

    def receive_response(self):
        """The answer to a request; the body is read by its Content-Length."""
        while b"\r\n\r\n" not in self.unread:
            self.need(len(self.unread) + 1)
        head = self.take(self.unread.index(b"\r\n\r\n") + 4).decode("latin-1")
        lines = head[:-4].split("\r\n")
        version, status = lines[0].split(" ")[:2]
        assert version == "HTTP/1.1", lines[0]
        fields = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in fields, f"repeated field in the response: {head}"
            fields[name.lower()] = value
        return Response(int(status), fields, self.take(int(fields.get("content-length", 0))))

    def upgrade(self, **changed):
        key = new_key()
        self.send(request(key=key, **changed))
        return self.finish_upgrade(key)

    def finish_upgrade(self, key):
        response = self.receive_response()
        assert response.status == 101, response
        assert response.fields["upgrade"].lower() == "websocket", response
        assert response.fields["connection"].lower() == "upgrade", response
        assert response.fields["sec-websocket-accept"] == accept_for(key).decode(), response
        assert "sec-websocket-extensions" not in response.fields, response
        return response

    def _frame_in_unread(self):
        """(frame, its length) or None while it is incomplete."""
        if len(self.unread) < 2:
            return None
        first, second = self.unread[0], self.unread[1]
        assert first & 0x70 == 0, f"RSV bits in a server's frame: {self.beginning(16)}"
        assert first & 0x80, f"a fragmented server's frame: {self.beginning(16)}"
        assert second & 0x80 == 0, f"a masked server's frame: {self.beginning(16)}"
        extended = {126: 2, 127: 8}.get(second, 0)
        if len(self.unread) < 2 + extended:
            return None
        length = int.from_bytes(self.unread[2 : 2 + extended], "big") if extended else second
        assert (
            length >= {0: 0, 2: 126, 8: 65536}[extended]
        ), f"not the shortest length: {self.beginning(16)}"
        opcode = first & 0x0F
        assert opcode in (TEXT, BINARY) or opcode in (CLOSE, PING, PONG) and length <= 125, self.beginning(
            16
        )
        whole = 2 + extended + length
        if len(self.unread) < whole:
            return None
        return Frame(opcode, bytes(self.unread[2 + extended : whole])), whole

    def receive_frame(self):
        while True:
            found = self._frame_in_unread()
            if found:
                del self.unread[: found[1]]
                return found[0]
            self.need(len(self.unread) + 1)

    def take_messages(self):
        """Payloads of the messages that `unread` holds in whole; control frames go to `control`."""
        payloads = []
        while found := self._frame_in_unread():
            del self.unread[: found[1]]
            if found[0].opcode in (TEXT, BINARY):
                payloads.append(found[0].payload)
            else:
                self.control.append(found[0])
        return payloads

    def send_frame(self, opcode, payload=b"", **form):
        self.send(frame(opcode, payload, key=os.urandom(4), **form))

    def encoded(self, payload):
        return frame(BINARY, payload)

    def send_message(self, payload):
        if isinstance(payload, str):
            self.send_frame(TEXT, payload.encode())
        else:
            self.send_frame(BINARY, payload)

    def receive_message(self):
        """The next message, str for text and bytes for binary; pings in between are answered."""
        while True:
            received = self.receive_frame()
            if received.opcode == TEXT:
                return received.payload.decode()
            if received.opcode == BINARY:
                return received.payload
            if received.opcode == CLOSE:
                raise Closed(f"closed instead of a message: {received.payload}")
            self.control.append(received)
            if received.opcode == PING and self.answer_pings:
                self.send_frame(PONG, received.payload)

    def receive_close(self):
        """(code, reason) of the close frame; messages before it go to `messages`."""
        while True:
            received = self.receive_frame()
            if received.opcode == CLOSE:
                assert len(received.payload) != 1, "a close frame of one byte"
                if not received.payload:
                    return NO_CODE, ""
                return struct.unpack(">H", received.payload[:2])[0], received.payload[2:].decode()
            if received.opcode in (TEXT, BINARY):
                self.messages.append(received.payload)
            else:
                self.control.append(received)

    def closing_handshake(self, code=1000):
        """Closes as a polite client does; the code the server answered with."""
        self.send_frame(CLOSE, close_payload(code))
        answered, _ = self.receive_close()
        self.wait_for_end()
        self.close()
        return answered


class Http(WebSocket):
    """Plain requests and their responses; `fields` are whole lines."""

    def ask(self, target, method="GET", fields=(), body=b"", version="1.1"):
        lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def receive_chunk(self):
        """The next chunk of a stream; b"" at its end."""
        while b"\r\n" not in self.unread:
            self.need(len(self.unread) + 1)
        count = int(self.take(self.unread.index(b"\r\n") + 2), 16)
        chunk = self.take(count)
        assert self.take(2) == b"\r\n"
        return chunk


class LengthPrefixed(Connection):
    def encoded(self, payload):
        return struct.pack(">I", len(payload)) + payload

    def send_message(self, payload):
        self.send(self.encoded(payload))

    def receive_message(self):
        return self.take(struct.unpack(">I", self.take(4))[0])

    def take_messages(self):
        payloads = []
        while len(self.unread) >= 4:
            whole = 4 + struct.unpack(">I", self.unread[:4])[0]
            if len(self.unread) < whole:
                break
            payloads.append(bytes(self.unread[4:whole]))
            del self.unread[:whole]
        return payloads


def seeded(name):
    """A generator of its own for each test: the same bytes in every run."""
    return random.Random(name)
