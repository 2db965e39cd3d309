"""A small server of the Centrifugo client protocol, in JSON, that does one thing wrong, on purpose; with the
part of the HTTP API that holdfast-swarm calls. With the lie "none" it is an honest one: positions, recovery,
pings.
"""

import base64
import contextlib
import json
import struct
import threading

from lying_server import CLOSE, LIMIT_S, TEXT, LyingServer, Peer, frame, listener

EPOCH, OTHER_EPOCH = "AbCdEfGh", "HgFeDcBa"
PING_S = 1


class LyingGateway(LyingServer):
    def __init__(self, lie="none"):
        self._history = {}  # by channel: what was published
        self._joined = []
        # Held by who publishes and by who answers a subscription: no publication falls between a history and
        # the joining of who was told it.
        self._order = threading.RLock()
        self._ended = threading.Event()
        self._api = listener()
        self._api.listen(8)
        self.api = "http://127.0.0.1:%d" % self._api.getsockname()[1]
        super().__init__(lie)
        self._spawn(self._accept_api)
        self._spawn(self._ping_everybody)  # whatever is lost, this goes on

    def stop(self):
        self._ended.set()
        self._end(self._api)
        super().stop()

    def _is_victim(self, peer):
        return len(self._peers) > 3 and peer is self._peers[3]

    # Clients.

    def _message(self, peer, payload):
        if payload == b"{}":
            return
        with self._order:
            self._answer(peer, payload)

    def _answer(self, peer, payload):
        answers = [self._command(peer, json.loads(line)) for line in payload.decode().split("\n")]
        if self.lie == "ends who joins":
            raise ConnectionError
        text = "\n".join(json.dumps(answer) for answer in answers if answer)
        if self.lie == "answers no JSON":
            text = text[:-1]
        if text:
            peer.send(frame(TEXT, text.encode()))
        with self._lock:
            if peer.channel and peer not in self._joined:
                self._joined.append(peer)

    def _command(self, peer, command):
        number = command["id"]
        if self.lie == "answers another id":
            number += 7
        if "connect" in command:
            claims = command["connect"]["token"].split(".")[1]
            peer.user = json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]
            peer.channel = None
            announced = {} if self.lie == "pings without announcing it" else {"ping": PING_S, "pong": True}
            return {"id": number, "connect": {"client": f"c-{id(peer)}", "version": "0", **announced}}
        if "subscribe" in command:
            return self._subscribe(peer, number, command["subscribe"])
        self._publish_to(command["publish"]["channel"], command["publish"]["data"])
        return None if self.lie == "does not answer publish" else {"id": number, "publish": {}}

    def _subscribe(self, peer, number, request):
        if self.lie == "refuses to subscribe":
            return {"id": number, "error": {"code": 103, "message": "permission denied"}}
        if self.lie == "does not answer subscribe":
            return None
        peer.channel = request["channel"]
        with self._lock:
            history = list(self._history.setdefault(peer.channel, []))
        result = {"recoverable": True, "positioned": True, "epoch": EPOCH, "offset": len(history)}
        if self.lie == "has no positions":
            result = {}
        if self.lie == "is somewhere else for one" and self._is_victim(peer):
            result["offset"] += 1
        if request.get("recover"):
            result |= {"was_recovering": True, "recovered": True, "offset": request.get("offset", 0)}
            missed = history[request.get("offset", 0):]
            if self.lie == "does not recover":
                result["recovered"] = False
            elif self.lie == "has another epoch afterwards":
                result["epoch"] = OTHER_EPOCH
            elif self.lie == "recovers without what was missed":
                missed = []
            elif self.lie == "recovers twice":
                missed = [one for one in missed for _ in range(2)]
            result["publications"] = missed
        return {"id": number, "subscribe": result}

    def _publish_to(self, channel, data):
        with self._order:
            return self._publish_in_order(channel, data)

    def _publish_in_order(self, channel, data):
        with self._lock:
            history = self._history.setdefault(channel, [])
            history.append({"data": data, "offset": len(history) + 1})
            publication, joined = history[-1], [peer for peer in self._joined if peer.channel == channel]
        for peer in joined:
            octets = self._push(channel, publication)
            if self._is_victim(peer) and publication["offset"] == 2:
                octets = self._lied(channel, publication, octets)
            with contextlib.suppress(OSError):
                peer.send(octets)
        return len(history)

    def _push(self, channel, publication):
        return frame(TEXT, json.dumps({"push": {"channel": channel, "pub": publication}}).encode())

    def _lied(self, channel, publication, octets):
        if self.lie == "publishes twice":
            return octets * 2
        if self.lie == "loses a publication":
            return b""
        if self.lie == "publishes a wrong offset":
            return self._push(channel, publication | {"offset": publication["offset"] + 1})
        if self.lie == "publishes wrong bytes":
            return self._push(channel, publication | {"data": publication["data"][::-1]})
        if self.lie == "publishes for another channel":
            return self._push(channel + "x", publication)
        return octets

    def _ping_everybody(self):
        while not self._ended.wait(PING_S):
            with self._lock:
                joined = list(self._joined)
            for peer in joined:
                with contextlib.suppress(OSError):
                    peer.send(frame(TEXT, b"{}"))

    # The HTTP API.

    def _accept_api(self):
        while True:
            try:
                connection, _ = self._api.accept()
            except OSError:
                return
            connection.settimeout(LIMIT_S)
            self._spawn(self._serve_api, Peer(connection))

    def _serve_api(self, peer):
        with contextlib.suppress(OSError, ConnectionError):
            while True:
                head = peer.read_head()
                length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                              if line.lower().startswith(b"content-length:"))
                answer = json.dumps(self._call(head.split(b" ")[1], json.loads(peer.read(length)))).encode()
                status = b"500 Internal Server Error" if self.lie == "has a broken API" else b"200 OK"
                peer.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        self._end(peer.socket)

    def _call(self, path, request):
        if path == b"/api/publish":
            return {"result": {"offset": self._publish_to(request["channel"], request["data"]),
                               "epoch": EPOCH}}
        users = {command["disconnect"]["user"] for command in request["commands"]}
        with self._lock:
            leaving = [peer for peer in self._joined if peer.user in users]
            if self.lie == "keeps a client":
                leaving = [peer for peer in leaving if not self._is_victim(peer)]
            self._joined = [peer for peer in self._joined if peer not in leaving]
        code = 3500 if self.lie == "closes with another code" else 3001
        for peer in leaving:
            with contextlib.suppress(OSError):
                peer.send(frame(CLOSE, struct.pack(">H", code) + b"shutdown"))
        return {"replies": [{"disconnect": {}} for _ in request["commands"]]}
