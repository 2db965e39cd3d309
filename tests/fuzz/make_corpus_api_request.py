#!/usr/bin/python3
"""Writes corpus/api_request/: conversations with the API, one file each; the first byte is the size of the
pieces, less one."""

import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent / "corpus" / "api_request"
BODIES = {
    "publish": {"channel": "c", "data": {"a": [1, None]}, "tags": {"k": "v"}, "idempotency_key": "i"},
    "publish_base64": {"channel": "c", "b64data": "aGk=", "skip_history": True, "delta": True},
    "publish_version": {"channel": "c", "data": "\u00e9\n", "version": 2**64 - 1, "version_epoch": "e"},
    "broadcast": {"channels": ["a", "b"], "data": 1.5},
    "subscribe": {
        "user": "u", "channel": "c", "client": "i", "info": {}, "data": [], "expire_at": 9,
        "recover_since": {"offset": 1, "epoch": "e"}, "override": {"presence": {"value": True}},
    },
    "unsubscribe": {"user": "u", "channel": "c", "session": "s"},
    "disconnect": {"user": "u", "whitelist": ["x"], "disconnect": {"code": 4000, "reason": "r"}},
    "refresh": {"user": "u", "expired": True, "expire_at": 1},
    "presence": {"channel": "c"},
    "presence_stats": {"channel": "c"},
    "history": {"channel": "c", "limit": -1, "since": {"offset": 1, "epoch": "e"}, "reverse": True},
    "history_remove": {"channel": "c"},
    "channels": {"pattern": "a*"},
    "info": {},
    "batch": {
        "commands": [{"publish": {"channel": "c", "data": 1}}, {"x": {}}, {"batch": {}}], "parallel": True,
    },
}
KEY = b"X-API-Key: K\r\n"


def request(method, target, fields, body, chunked=False):
    head = b"%s %s HTTP/1.1\r\nHost: h\r\n%s" % (method, target, fields)
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def call(method, body, fields=KEY, **options):
    return request(b"POST", b"/api/" + method.encode(), fields, body, **options)


def conversations():
    for name, body in BODIES.items():
        method = "publish" if name.startswith("publish") else name
        text = json.dumps(body, ensure_ascii=False).encode()
        yield name, 255, call(method, text)
        yield name + "_cut", 6, call(method, text[:-1]) + call(method, text)
    legacy = json.dumps({"method": "publish", "params": BODIES["publish"]}).encode()
    yield "legacy", 20, request(b"POST", b"/api", KEY, legacy)
    publish = json.dumps(BODIES["publish"]).encode()
    yield "no_key", 9, call("publish", publish, b"")
    yield "wrong_key", 9, call("publish", publish, b"X-API-Key: L\r\n")
    yield "authorization", 9, call("publish", publish, b"Authorization: apikey K\r\n")
    yield "key_in_query", 9, request(b"POST", b"/api/publish?a=b&api_key=%4b", b"", publish)
    yield "error_mode", 9, call("publish", b"{", KEY + b"X-Centrifugo-Error-Mode: transport\r\n")
    yield "chunked", 1, call("publish", publish, chunked=True)
    both = (call(name, json.dumps(BODIES[name]).encode()) for name in ("info", "channels"))
    yield "pipelined", 3, b"".join(both)
    yield "close", 3, call("presence", b"{}", KEY + b"Connection: close\r\n") + call("presence", b"{}")
    yield "continue", 0, call("presence", b'{"channel":"c"}', KEY + b"Expect: 100-continue\r\n")
    yield "unknown_method", 9, call("nosuch", b"{}")
    pages = (b"/health", b"/ready", b"/metrics", b"/")
    yield "pages", 9, b"".join(request(b"GET", path, b"", b"") for path in pages)
    yield "head", 9, request(b"HEAD", b"/health", b"", b"")
    yield "not_allowed", 9, request(b"PUT", b"/health", b"", b"") + request(b"GET", b"/api/info", KEY, b"")
    yield "deep", 100, call("publish", b'{"channel":"c","data":' + b"[" * 200 + b"]" * 200 + b"}")
    twice = b'{"channel":"a","channel":"c","data":1,"data":2,"tags":{"k":"1","k":"2"}}'
    yield "duplicates", 100, call("publish", twice)
    wrong = call("publish", b'{"channel":1}') + call("broadcast", b'{"channels":[1],"data":1}')
    yield "wrong_types", 100, wrong
    yield "too_large", 255, call("publish", b" " * 5000)
    yield "not_utf8", 9, call("publish", b'{"channel":"c","data":"\xff"}')
    yield "nonsense", 9, b"\x00\x01\r\n\r\n"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, piece, stream in conversations():
        (FOLDER / name).write_bytes(bytes([piece]) + stream)


if __name__ == "__main__":
    main()
