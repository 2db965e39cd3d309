#!/usr/bin/python3
"""Writes the corpus of the request_head fuzz target: a request per file, after two bytes choosing the cut."""

import pathlib

FOLDER = pathlib.Path(__file__).parent / "corpus" / "request_head"
LINE = b"GET /chat HTTP/1.1\r\n"
HOST = b"Host: example.com\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"
FIELDS = HOST + UPGRADE + KEY + VERSION
VALID = LINE + FIELDS
END = b"\r\n"

REQUESTS = {
    "valid": VALID + END,
    "valid_then_frames": VALID + END + b"\x81\x85abcd\x09\x07\x0f\x08\x0e",
    "browser": LINE + HOST + b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" + VERSION + KEY
               + b"Origin: https://example.com\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" + END,
    "plain": LINE + HOST + END,
    "query": b"GET /chat?room=1&x=%20 HTTP/1.1\r\n" + FIELDS + END,
    "lower_case": VALID.lower().replace(b"get /chat http", b"GET /chat HTTP") + END,
    "no_spaces": VALID.replace(b": ", b":") + END,
    "wide_spaces": VALID.replace(b": ", b": \t ").replace(b"\r\nUpgrade", b" \t\r\nUpgrade") + END,
    "empty_value": VALID + b"X:\r\n" + END,
    "bytes_above_ascii": VALID + b"X: \xc3\xa4\xff\r\n" + END,
    "post": b"POST /chat HTTP/1.1\r\n" + FIELDS + END,
    "version_1_0": b"GET /chat HTTP/1.0\r\n" + FIELDS + END,
    "version_2_0": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version_broken": b"GET /chat HTTP/1\r\n" + FIELDS + END,
    "absolute_form": b"GET http://example.com/ HTTP/1.1\r\n" + FIELDS + END,
    "asterisk_form": b"OPTIONS * HTTP/1.1\r\n" + FIELDS + END,
    "fragment": b"GET /#x HTTP/1.1\r\n" + FIELDS + END,
    "two_spaces": b"GET  /chat  HTTP/1.1\r\n" + FIELDS + END,
    "bare_lf": b"GET /chat HTTP/1.1\n" + FIELDS + END,
    "bare_cr": LINE + b"Host: a\rb\r\n" + END,
    "cr_cr_lf": LINE + b"Host: a\r\r\n" + END,
    "cr_last": VALID + b"\r",
    "folded": VALID + b"X: a\r\n b\r\n" + END,
    "space_before_colon": VALID + b"X : a\r\n" + END,
    "no_colon": VALID + b"X\r\n" + END,
    "empty_name": VALID + b": a\r\n" + END,
    "nul_in_value": VALID + b"X: a\0b\r\n" + END,
    "nul_in_name": VALID + b"X\0: a\r\n" + END,
    "empty_line_first": END + VALID + END,
    "tls_client_hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no_host": LINE + UPGRADE + KEY + VERSION + END,
    "empty_host": LINE + b"Host:\r\n" + UPGRADE + KEY + VERSION + END,
    "two_hosts": VALID + HOST + END,
    "two_keys": VALID + KEY + END,
    "two_versions": VALID + VERSION + END,
    "version_8": VALID.replace(b"n: 13", b"n: 8") + END,
    "short_key": VALID.replace(b"dGhl", b"") + END,
    "unpadded_key": VALID.replace(b"==", b"AA") + END,
    "content_length": VALID + b"Content-Length: 5\r\n" + END + b"hello",
    "content_length_0": VALID + b"Content-Length: 0\r\n" + END,
    "chunked": VALID + b"Transfer-Encoding: chunked\r\n" + END + b"0\r\n\r\n",
    "subprotocols": VALID + b"Sec-WebSocket-Protocol: a, b,,c\r\n" + END,
    "subprotocol_twice": VALID + b"Sec-WebSocket-Protocol: a, a\r\n" + END,
    "subprotocol_broken": VALID + b"Sec-WebSocket-Protocol: a b, /\r\n" + END,
    "subprotocols_many": VALID + b"Sec-WebSocket-Protocol: " + b",".join(b"p%d" % i for i in range(40))
                         + END + END,
    "origin_null": VALID + b"Origin: null\r\n" + END,
    "origin_homoglyph": VALID + b"Origin: https://ex\xd0\xb0mple.com\r\n" + END,
    "origin_port": VALID + b"Origin: https://example.com:443\r\n" + END,
    "origin_ipv6": LINE + b"Host: [::1]:80\r\n" + UPGRADE + KEY + VERSION + b"Origin: http://[::1]\r\n" + END,
    "origin_user": VALID + b"Origin: https://example.com@evil.example\r\n" + END,
    "two_origins": VALID + b"Origin: https://a\r\nOrigin: https://a\r\n" + END,
    "fields_at_limit": VALID + b"A: b\r\n" * 3 + END,
    "fields_over_limit": VALID + b"A: b\r\n" * 4 + END,
    "head_at_limit": VALID + b"X: " + b"x" * (512 - len(VALID) - 7) + END + END,
    "head_over_limit": VALID + b"X: " + b"x" * (513 - len(VALID) - 7) + END + END,
    "endless_line": b"GET /" + b"a" * 600,
    "unfinished": VALID,
    "empty": b"",
}

FOLDER.mkdir(parents=True, exist_ok=True)
for number, (name, request) in enumerate(REQUESTS.items()):
    cut = (number * 37) % (len(request) + 1)
    (FOLDER / name).write_bytes(cut.to_bytes(2, "big") + request)
