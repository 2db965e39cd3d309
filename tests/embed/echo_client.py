"""One WebSocket handshake and one echoed message over a bare socket.

echo_client.py OUTPUT: OUTPUT is the file the server's standard output goes to; its port is in the line
`listening ws 127.0.0.1:PORT`. Exit status 0 if the echo is right.
"""

import base64
import hashlib
import os
import re
import socket
import sys
import time

STARTS_WITHIN_S = 20
ANSWERS_WITHIN_S = 10
# RFC 6455, section 1.3.
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def port_of_server(output_path):
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        with open(output_path, encoding="utf-8") as file:
            match = re.search(r"^listening ws 127\.0\.0\.1:(\d+)$", file.read(), re.MULTILINE)
        if match:
            return int(match.group(1))
        time.sleep(0.02)
    raise TimeoutError("the server printed no line `listening ws 127.0.0.1:PORT`")


def receive_exactly(connection, count):
    received = b""
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise ConnectionError(f"the server closed after {received!r}")
        received += piece
    return received


def upgrade(connection):
    key = base64.b64encode(os.urandom(16))
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive_exactly(connection, 1)
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_SUFFIX).digest())
    if not head.startswith(b"HTTP/1.1 101 ") or accept not in head:
        raise ConnectionError(f"not an upgrade: {head!r}")


def main(output_path):
    text = "held fast, naïvely".encode()
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[position % 4] for position, byte in enumerate(text))
    with socket.create_connection(("127.0.0.1", port_of_server(output_path)), ANSWERS_WITHIN_S) as connection:
        upgrade(connection)
        connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
        expected = bytes([0x81, len(text)]) + text
        answer = receive_exactly(connection, len(expected))
        if answer != expected:
            print(f"expected {expected!r}, got {answer!r}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
