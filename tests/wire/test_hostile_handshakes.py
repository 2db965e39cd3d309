"""Clients that never finish coming in, come in too often, or say they are somebody else."""

import base64
import hashlib
import hmac
import json
import time
import unittest
import urllib.parse

import raw_client
from bystanders import Bystanders
from gateway_process import KEY, GatewayTestCase
from hostile import SANITIZED, HostileTestCase, resident_bytes, sized
from newcomers import Newcomers


class SlowHandshakes(HostileTestCase):
    CLIENTS = sized(3000, 15000)
    SECONDS = 3

    def test_heads_sent_a_byte_at_a_time_are_gone_at_the_deadline_and_cost_nearly_nothing(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(max_connections=19000, shards=None, handshake_timeout=f"{self.SECONDS}s")
        bystanders = Bystanders(self, server)
        newcomers = Newcomers(self, server)
        before = resident_bytes(server)
        bystanders.phase("slow handshakes")
        newcomers.phase("slow handshakes")
        head = raw_client.request()
        slow = []
        for number in range(self.CLIENTS):
            client = self.connect(server)
            client.send(head[:1])
            slow.append(client)
            # All that are there say another byte: no byte may move the deadline.
            if number % 500 == 499:
                for earlier in slow[-2000:]:
                    earlier.send_or_end(head[1:2])
        grown = resident_bytes(server) - before
        server.wait_until(
            lambda counters: counters["handshakes_timed_out"] >= self.CLIENTS, deadline_s=60.0
        )
        let_in = newcomers.assert_all_came_in()
        for client in slow:
            client.wait_for_end()
        # A slot, a record, and a first block for what has come of the head; a page each way of rounding.
        self.assert_memory_below(grown, self.CLIENTS * 1024 + (8 << 20))
        self.assert_still_serves(server)
        seen = bystanders.assert_unharmed()
        self.figure(
            "slow handshakes",
            seen,
            clients=self.CLIENTS,
            bytes_each=grown // self.CLIENTS,
            let_in_p99_ms_quiet=let_in["quiet"],
            let_in_p99_ms=let_in["slow handshakes"],
        )


class OneAddress(HostileTestCase):
    CAP = 100

    def from_address(self, server, source):
        """A socket from one of the many addresses of the loopback interface; None when it was reset."""
        client = raw_client.WebSocket(("127.0.0.1", server.address()[1]), source=source)
        self.keep(client)
        key = raw_client.new_key()
        if not client.send_or_end(raw_client.request(key=key)):
            return None
        try:
            client.finish_upgrade(key)
        except raw_client.Ended:
            return None
        return client

    def test_it_holds_exactly_its_cap_again_and_again_and_others_do_not_notice(self):
        server = self.start(max_connections_per_address=self.CAP, shards=2)
        # The bystanders have an address of their own: the one nobody chooses.
        bystanders = Bystanders(self, server, count=50)
        refusals = 0
        for round_number in range(3):
            bystanders.phase("one address")
            inside = []
            for _ in range(10 * self.CAP):
                client = self.from_address(server, "127.0.0.77")
                if client is None:
                    refusals += 1
                else:
                    inside.append(client)
            self.assertEqual(len(inside), self.CAP, f"round {round_number}")
            self.assertIsNotNone(self.from_address(server, f"127.0.0.{100 + round_number}"))
            for number, client in enumerate(inside):
                if number % 2:
                    client.reset()
                else:
                    client.close()
            server.wait_for(connections_open=50 + round_number + 1)
        self.assertEqual(server.counters()["address_refusals"], refusals)
        seen = bystanders.assert_unharmed()
        self.figure("one address", seen, cap=self.CAP, asked=30 * self.CAP, refused=refusals)


class TheOperator(GatewayTestCase, HostileTestCase):
    START = b"GET /connection/websocket HTTP/1.1"

    def test_gets_in_while_clients_fill_the_table(self):
        server = self.start_gateway(max_connections=60, shards=1)
        inside = [self.connect(server) for _ in range(60)]
        for client in inside:
            client.upgrade(start=self.START)
        waiting = [self.connect(server) for _ in range(40)]
        for client in waiting:
            client.send(raw_client.request(start=self.START))
        for _ in range(10):
            api = self.open_http(server)
            api.ask("/metrics")
            self.assertEqual(api.receive_response().status, 200)
        self.assertTrue(all(client.quiet_for(0) for client in waiting), "a client took the operator's slot")
        for client in inside[:5]:
            client.close()
        self.assert_admitted(waiting, 5)

    def assert_admitted(self, waiting, count):
        until = time.monotonic() + 10.0
        while sum(not client.quiet_for(0) for client in waiting) < count:
            self.assertLess(time.monotonic(), until, "freed slots admitted nobody")
            time.sleep(0.02)

    def test_gets_in_while_the_rate_of_clients_is_used_up(self):
        server = self.start_gateway(max_connections=500, shards=1, max_accepts_per_second=1)
        for _ in range(50):
            self.connect(server).send(raw_client.request())
        for _ in range(20):
            api = self.open_http(server)
            api.ask("/health")
            self.assertEqual(api.receive_response().status, 200)


def encoded(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def token(claims, header=None, key=b"the secret of these tests", digest=hashlib.sha256):
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    signed = encoded(header) + b"." + encoded(claims)
    return (signed + b"." + encoded(hmac.new(key, signed, digest).digest())).decode()


class Tokens(GatewayTestCase, HostileTestCase):
    SETTINGS = '[token]\nhmac_secret = "the secret of these tests"\naudience = "here"\nissuer = "us"\n'

    def claims(self, **changed):
        good = {"sub": "42", "exp": int(time.time()) + 600, "aud": "here", "iss": "us"}
        good.update(changed)
        return {name: value for name, value in good.items() if value is not None}

    def bad_tokens(self):
        good = token(self.claims())
        head, body, signature = good.split(".")
        now = int(time.time())
        yield "empty signature", f"{head}.{body}."
        yield "no signature", f"{head}.{body}"
        yield "four parts", f"{good}.x"
        for name in ("none", "None", "NONE", "nOnE", "", "HS257", "RS256", "ES256", "EdDSA"):
            forged = encoded({"alg": name, "typ": "JWT"}).decode()
            yield f"alg {name!r} without signature", f"{forged}.{body}."
            yield f"alg {name!r} with the old signature", f"{forged}.{body}.{signature}"
        yield "another secret", token(self.claims(), key=b"another")
        yield "the empty secret", token(self.claims(), key=b"")
        yield "SHA-512 called HS256", token(self.claims(), digest=hashlib.sha512)
        yield "expired", token(self.claims(exp=now - 3600))
        yield "not yet", token(self.claims(nbf=now + 3600))
        yield "for others", token(self.claims(aud="there"))
        yield "for nobody", token(self.claims(aud=None))
        yield "of others", token(self.claims(iss="them"))
        yield "of nobody", token(self.claims(iss=None))
        yield "crit", token(self.claims(), header={"alg": "HS256", "crit": ["exp"]})
        yield "a path for a key", token(
            self.claims(), header={"alg": "HS256", "kid": "../../dev/null"}, key=b""
        )
        yield "sub twice", token(b'{"sub":"42","sub":"1","exp":%d,"aud":"here","iss":"us"}' % (now + 600))
        yield "sub a number", token(self.claims(sub=42))
        yield "exp a text", token(self.claims(exp="tomorrow"))
        yield "claims a list", token([self.claims()])
        yield "claims no JSON", token(b"{")
        yield "padding", f"{head}.{body}.{signature}="
        yield "trailing bits", good[:-1] + chr(ord(good[-1]) + 1)
        yield "a changed body", f"{head}.{encoded(self.claims(sub='1')).decode()}.{signature}"
        yield "bad base64", f"{head}.{body}.{signature[:-1]}!"
        yield "white space", f" {good}"
        yield "huge", token(self.claims(sub="4" * 40000))

    def test_no_forged_one_lets_anybody_in(self):
        server = self.start_gateway(self.SETTINGS)
        self.assertIn(
            "connect", self.open_client(server, {"connect": {"token": token(self.claims())}}).replies[1]
        )
        refused = 0
        for name, forged in self.bad_tokens():
            with self.subTest(name):
                client = self.connect(server)
                client.upgrade(start=b"GET /connection/websocket HTTP/1.1")
                client.send_message(json.dumps({"id": 1, "connect": {"token": forged}}))
                try:
                    answer = client.receive_message()
                    self.assertNotIn('"connect"', answer, "a forged token was taken")
                    self.assertIn('"error"', answer)
                except AssertionError as closed:
                    self.assertIn("closed instead of a message", str(closed))
                client.close()
                refused += 1
        self.figure("forged tokens", refused=refused, accepted=0)

    def places(self, canary):
        """An HTTP request for each place that a token can come in by, and what is sent after it if it was one
        for a WebSocket."""
        websocket = b"GET /connection/websocket HTTP/1.1"
        quoted = urllib.parse.quote(json.dumps({"token": canary}))
        in_stream = json.dumps({"id": 1, "connect": {"token": canary}}).encode()
        posted = b"Host: h\r\nContent-Length: %d\r\n\r\n%s" % (len(in_stream), in_stream)
        yield "message", raw_client.request(start=websocket), {"connect": {"token": canary}}
        yield "headers of a message", raw_client.request(start=websocket), {
            "connect": {"headers": {"Authorization": f"Bearer {canary}"}}
        }
        yield "data", raw_client.request(start=websocket), {"connect": {"token": canary, "data": canary}}
        for field in (b"Authorization: Bearer %s", b"Cookie: token=%s", b"Origin: http://%s"):
            extra = (field % canary.encode(),)
            yield field.decode(), raw_client.request(start=websocket, extra=extra), {"connect": {}}
        yield "subprotocol", raw_client.request(
            start=websocket, sec_websocket_protocol=canary.encode()
        ), None
        yield "query", raw_client.request(start=websocket[:-9] + b"?token=%s HTTP/1.1" % canary.encode()), {
            "connect": {"token": canary}
        }
        yield "path", raw_client.request(start=b"GET /%s HTTP/1.1" % canary.encode()), None
        yield "stream's query", (
            b"GET /connection/uni_sse?cf_connect=%s HTTP/1.1\r\nHost: h\r\n\r\n" % quoted.encode()
        ), None
        yield "stream's body", b"POST /connection/http_stream HTTP/1.1\r\n" + posted, None
        yield "emulated command", b"POST /emulation HTTP/1.1\r\n" + posted, None

    def written_by(self, server):
        """Everything others than the client get to see of a server: output, command line, API, metrics."""
        with open(f"/proc/{server.child.pid}/cmdline", encoding="utf-8") as file:
            yield file.read()
        api = self.open_api(server)
        for target in ("/metrics", "/health", "/ready"):
            api.ask(target)
            yield api.receive_response().body.decode()
        for method, request in (
            ("info", {}),
            ("channels", {}),
            ("presence", {"channel": "public"}),
            ("presence_stats", {"channel": "public"}),
            ("history", {"channel": "public", "limit": 10}),
        ):
            yield json.dumps(self.call(api, method, request))
        server.counters()
        yield "\n".join(server.stderr_lines + server.stdout_lines)

    def test_none_is_written_down_wherever_it_came_in(self):
        api_key = f'[api]\nkey = "{KEY}"\n'
        rules = (
            '[channels]\nsubscribe = ["users"]\npresence = true\nhistory_size = 10\nhistory_ttl = "60s"\n'
        )
        server = self.start_gateway(self.SETTINGS + api_key + rules)
        good = token(self.claims(sub="canary"))
        places = 0
        for canary in (good, good[:-4] + "AAAA"):
            for name, request, command in self.places(canary):
                with self.subTest(name):
                    client = self.connect(server)
                    client.send(request)
                    while b"\r\n\r\n" not in client.unread:
                        client.need(len(client.unread) + 1)
                    if command is not None and client.unread.startswith(b"HTTP/1.1 101"):
                        client.take(client.unread.index(b"\r\n\r\n") + 4)
                        client.send_message(json.dumps({"id": 1, **command}))
                        client.receive_frame()
                    self.assertNotIn(canary.split(".")[2].encode(), bytes(client.unread), "sent back")
                    places += 1
        inside = self.open_client(
            server,
            {"connect": {"token": good}},
            {"subscribe": {"channel": "public"}},
            {"subscribe": {"channel": "$private", "token": good}},
            {"refresh": {"token": good}},
            {"sub_refresh": {"channel": "public", "token": good}},
        )
        api = self.open_api(server, key=good)
        self.assertEqual(self.call(api, "info", {})[0], 401)
        written = [*self.written_by(server), json.dumps(inside.replies)]
        self.assertIn('"canary"', "".join(written), "the one who passed it is known by name")
        for secret in (good.split(".")[1], good.split(".")[2], "the secret of these tests", KEY):
            for text in written:
                self.assertNotIn(secret, text, "written down")
        self.figure("tokens written down", places=places + 5, looked_through=len(written), found=0)

    def occurrences(self, server, wanted):
        """How often these bytes stand in what a core dump of the server would hold."""
        found = 0
        with open(f"/proc/{server.child.pid}/maps", encoding="utf-8") as file:
            areas = [line.split() for line in file]
        with open(f"/proc/{server.child.pid}/mem", "rb", buffering=0) as memory:
            for area in areas:
                if "r" not in area[1] or area[-1].startswith(("[v", "anon_inode")):
                    continue
                first, last = (int(address, 16) for address in area[0].split("-"))
                try:
                    memory.seek(first)
                    found += memory.read(last - first).count(wanted)
                except OSError:
                    continue  # a guard page
        return found

    @unittest.skipIf(SANITIZED, "a sanitizer keeps what is freed")
    def test_none_outlives_the_buffer_it_came_in(self):
        server = self.start_gateway(self.SETTINGS)
        signatures = []
        for number in range(100):
            passed = token(self.claims(sub=f"user {number}"))
            signatures.append(passed.split(".")[2].encode())
            client = self.open_client(
                server, {"connect": {"token": passed}}, {"refresh": {"token": passed}}
            )
            client.close()
        server.wait_for(connections_open=0)
        self.assertGreater(self.occurrences(server, signatures[-1]), 0, "the search finds nothing at all")
        self.assertEqual(self.occurrences(server, signatures[0]), 0, "a token is kept")


if __name__ == "__main__":
    unittest.main()
