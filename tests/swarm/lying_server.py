"""A small WebSocket server that does one thing wrong, on purpose.

One thread per connection, a few dozen connections. `lie` names the wrong thing; with "none" it is an honest
server that echoes, and sends to everybody what begins with '!'. Ends with stop(); every wait is bounded.
"""

import base64
import hashlib
import socket
import struct
import threading

SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FIRST_PORT, LAST_PORT = 20000, 31999  # below the range of outgoing ports
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LIMIT_S = 30.0


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
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError
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
            return self._publish(peers, number, payload)
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

    def _publish(self, peers, number, payload):
        for place, other in enumerate(peers):
            octets = frame(BINARY, payload)
            if place == 3 and number == 2:
                if self.lie == "publishes twice":
                    octets += octets
                elif self.lie == "loses a publication":
                    octets = b""
                elif self.lie == "publishes wrong bytes":
                    octets = octets[:-1] + bytes([octets[-1] ^ 1])
            other.send(octets)

    def _ping(self, peer, payload):
        if self.lie == "answers pings wrongly":
            payload = payload[:-1] + b"?"
        if self.lie != "ignores pings":
            peer.send(frame(PONG, payload))
