"""Clients that never finish coming in, come in too often, or say they are somebody else."""

import base64
import hashlib
import hmac
import json
import time
import unittest

import raw_client
from bystanders import Bystanders
from gateway_process import GatewayTestCase
from hostile import HostileTestCase, cpu_seconds, resident_bytes, sized


class SlowHandshakes(HostileTestCase):
    CLIENTS = sized(3000, 15000)
    SECONDS = 3

    def test_heads_sent_a_byte_at_a_time_are_gone_at_the_deadline_and_cost_nearly_nothing(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(max_connections=19000, shards=None, handshake_timeout=f"{self.SECONDS}s")
        bystanders = Bystanders(self, server)
        before = resident_bytes(server)
        bystanders.phase("slow handshakes")
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
        for client in slow:
            client.wait_for_end()
        # A slot, a record, and a first block for what has come of the head; a page each way of rounding.
        self.assertLess(grown, self.CLIENTS * 1024 + (8 << 20))
        self.assert_still_serves(server)
        seen = bystanders.assert_unharmed()
        self.figure("slow handshakes", seen, clients=self.CLIENTS, bytes_each=grown // self.CLIENTS)


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

    def test_no_forged_one_lets_anybody_in_and_none_is_in_the_log(self):
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
        canary = token(self.claims(sub="canary"))
        forged = canary[:-4] + "AAAA"
        for asked in (canary, forged):
            client = self.connect(server)
            client.upgrade(start=b"GET /connection/websocket?token=%s HTTP/1.1" % asked.encode())
            client.send_message(json.dumps({"id": 1, "connect": {"token": asked}}))
            client.receive_frame()
        api = self.open_http(server)
        api.ask("/metrics")
        metrics = api.receive_response().body.decode()
        written = "\n".join(server.stderr_lines + server.stdout_lines) + metrics
        for part in (canary.split(".")[1], canary.split(".")[2]):
            self.assertNotIn(part, written, "a token was written down")
        self.figure("forged tokens", refused=refused, accepted=0)


if __name__ == "__main__":
    unittest.main()
