"""A small WebSocket server that does one thing wrong, on purpose.

One thread per connection, a few dozen connections. `lie` names the wrong thing; with "none" it is an honest
server that echoes, sends to everybody what begins with '!', and to the collectors (who sent '=', and not '-'
since) what begins with '?'. Ends with stop(); every wait is bounded.
"""

import base64
import contextlib
import hashlib
import socket
import struct
import threading

SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FIRST_PORT, LAST_PORT = 20000, 31999  # below the range of outgoing ports
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LIMIT_S = 30.0
SILENCE_S = 0.2  # before a ping, where the lie is to end who does not answer
SILENCES = 4


def listener():
    for port in range(FIRST_PORT, LAST_PORT):
        candidate = socket.socket()
        try:
            candidate.bind(("127.0.0.1", port))
            return candidate
        except OSError:
            candidate.close()
    raise AssertionError("no free port")


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + SUFFIX).digest())


def frame(opcode, payload, final=True):
    first = (0x80 if final else 0) | opcode
    if len(payload) < 126:
        return struct.pack(">BB", first, len(payload)) + payload
    return struct.pack(">BBH", first, 126, len(payload)) + payload


class Peer:
    def __init__(self, connection):
        self.socket = connection
        self.lock = threading.Lock()
        self.buffer = b""
        self.pinged = None  # when pings are sent: how many have not been answered
        self.gathered = 0
        self.held = b""  # what is to come out of order

    def send(self, octets):
        with self.lock:
            self.socket.sendall(octets)

    def read(self, count):
        while len(self.buffer) < count:
            self.buffer += self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head

    def _more(self):
        while True:
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                if self.pinged is None or self.pinged == SILENCES:
                    raise
                self.pinged += 1
                self.send(frame(PING, b"anybody?"))
                continue
            if not more:
                raise ConnectionError
            if self.pinged is not None:
                self.pinged = 0
            return more

    def read_frame(self):
        first, second = self.read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.read(8))
        mask = self.read(4)
        payload = bytes(octet ^ mask[i % 4] for i, octet in enumerate(self.read(length)))
        return first & 0x0F, payload


class LyingServer:
    def __init__(self, lie="none"):
        self.lie = lie
        self.messages = 0
        self._peers = []
        self._collectors = []
        self._lock = threading.Lock()
        self._listener = listener()
        self.url = "ws://127.0.0.1:%d/" % self._listener.getsockname()[1]
        self._threads = []
        if lie != "refuses":  # a bound port nobody listens on
            self._listener.listen(256)
            self._spawn(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for end in [self._listener] + [peer.socket for peer in self._peers]:
            self._end(end)
        for thread in self._threads:
            thread.join(LIMIT_S)

    def _end(self, end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()

    def _spawn(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.lie == "resets":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
                continue
            connection.settimeout(LIMIT_S)
            self._spawn(self._serve, Peer(connection))

    def _serve(self, peer):
        try:
            self._upgrade(peer)
            if self.lie == "ends the silent without a reset":  # no lie: only not as holdfast does it
                peer.socket.settimeout(SILENCE_S)
                peer.pinged = 0
            while True:
                opcode, payload = peer.read_frame()
                if opcode in (TEXT, BINARY):
                    self._message(peer, payload)
                elif opcode == PING:
                    self._ping(peer, payload)
                elif opcode == CLOSE:
                    code = struct.pack(">H", 1001) if self.lie == "closes with another code" else payload[:2]
                    if self.lie != "closes without a word":
                        peer.send(frame(CLOSE, code))
                    break
        except (OSError, ConnectionError, ValueError):
            pass
        self._end(peer.socket)

    def _upgrade(self, peer):
        head = peer.read_head()
        key = next(line.split(b":", 1)[1].strip() for line in head.split(b"\r\n")
                   if line.lower().startswith(b"sec-websocket-key:"))
        if self.lie == "never answers":
            peer.read(1)
        if self.lie == "answers 200":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            raise ConnectionError
        if self.lie == "speaks another protocol":
            peer.send(b"220 mail.example.org ESMTP\r\n\r\n")
        if self.lie == "wrong accept key":
            key = b"x3JJHMbDL1EzLkh9GBhXDw=="
        answer = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Accept: " + accept_key(key) + b"\r\n\r\n")
        if self.lie == "answers byte by byte":  # no lie: only awkward
            for i in range(len(answer)):
                peer.send(answer[i:i + 1])
        else:
            peer.send(answer)
        with self._lock:
            self._peers.append(peer)
        if self.lie == "speaks unasked":
            peer.send(frame(TEXT, b"welcome, stranger"))

    def _message(self, peer, payload):
        with self._lock:
            self.messages += 1
            number, peers = self.messages, list(self._peers)
        if self.lie == "dies in the middle" and number == 30:
            self._end(self._listener)
            for other in peers:
                self._end(other.socket)
            raise ConnectionError
        if payload[:1] == b"!":
            return self._publish(peers, peer, number, payload)
        if payload[:1] in (b"=", b"-"):
            return self._collect(peer, payload == b"=")
        if payload[:1] == b"?":
            return self._gather(peers, peer, number, payload)
        if self.lie == "stalls" and number > 20:
            return None
        if self.lie == "echoes wrong bytes" and number == 7:
            payload = payload[:-1] + bytes([payload[-1] ^ 1])
        if self.lie == "echoes too little" and number == 7:
            payload = payload[:-1]
        if self.lie == "fragments":
            return peer.send(frame(BINARY, payload[:4], final=False) + frame(0, payload[4:]))
        peer.send(frame(BINARY, payload) * (2 if self.lie == "echoes twice" and number == 7 else 1))
        return None

    def _publish(self, peers, sender, number, payload):
        victim = next((peer for peer in peers if peer is not sender), None)
        for other in peers:
            octets = frame(BINARY, payload)
            if other is victim and self.lie == "publishes out of order":
                octets = self._swapped(other, number, octets)
            if other is victim and number == 2:
                if self.lie == "publishes twice":
                    octets += octets
                elif self.lie == "loses a publication":
                    octets = b""
                elif self.lie == "publishes wrong bytes":
                    octets = octets[:-1] + bytes([octets[-1] ^ 1])
                elif self.lie == "ends a receiver":
                    self._end(other.socket)
                    continue
            with contextlib.suppress(OSError):  # it may have been ended before
                other.send(octets)
        if self.lie == "ends the publisher":
            self._end(sender.socket)

    def _swapped(self, peer, number, octets):
        """The second comes behind the third."""
        if number == 2:
            peer.held = octets
            return b""
        octets, peer.held = octets + peer.held, b""
        return octets

    def _collect(self, peer, begins):
        with self._lock:
            if begins and self.lie != "ignores collectors":
                self._collectors.append(peer)
            elif peer in self._collectors:
                self._collectors.remove(peer)

    def _gather(self, peers, sender, number, payload):
        with self._lock:
            sender.gathered += 1
            second = sender.gathered == 2 and sender is peers[5]
            collectors = peers if self.lie == "gives everybody what is gathered" else list(self._collectors)
        octets = frame(BINARY, payload)
        if self.lie == "gathers out of order" and sender is peers[5] and sender not in collectors:
            octets = self._swapped(sender, sender.gathered + 1, octets)
        elif second and self.lie == "gathers twice":
            octets += octets
        elif second and self.lie == "loses what is gathered":
            octets = b""
        elif second and self.lie == "gathers wrong bytes":
            octets = octets[:-1] + bytes([octets[-1] ^ 1])
        elif second and self.lie == "gathers for another":  # the sender's number is in bytes 1 to 4
            octets = frame(BINARY, payload[:1] + bytes([payload[1] ^ 1]) + payload[2:])
        for collector in collectors:
            collector.send(octets)

    def _ping(self, peer, payload):
        if self.lie == "answers pings wrongly":
            payload = payload[:-1] + b"?"
        if self.lie != "ignores pings":
            peer.send(frame(PONG, payload))
