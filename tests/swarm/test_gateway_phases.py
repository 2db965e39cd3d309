"""holdfast-swarm as very many clients of the Centrifugo protocol: against holdfast, where everything has to
be verified, and against servers that lie, where every lie has to end in the counter that names it.
"""

import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lying_gateway import LyingGateway  # noqa: E402
from swarm_run import Run, SwarmTestCase  # noqa: E402

FEW, MANY = 40, 5000
SECRET = "a secret of these tests, 32 bytes long"
KEY = "the key of these tests"
SETTINGS = f"""\
[client]
pong_timeout = "3900ms"
[token]
hmac_secret = "{SECRET}"
[api]
key = "{KEY}"
[namespaces.kept]
history_size = 300
history_ttl = "10m"
recovery = "stream"
subscribe = ["users"]
publish = ["subscribers"]
read_history = ["subscribers"]
[namespaces.bare]
subscribe = ["users"]
publish = ["subscribers"]
"""
RAMP = f"--phase=ramp:connections={MANY}"
CLOSE = "--phase=close"
PROTOCOLS = ("centrifugo-json", "centrifugo-protobuf")


def client_flags(protocol, channels=1, channel="kept:{}", connect="token,subscribe,recoverable", more=()):
    return [f"--protocol={protocol}", f"--connect={connect}", f"--token_hmac_key={SECRET}",
            f"--channel={channel}", f"--channels={channels}", *more]


class RealGateway(SwarmTestCase):
    def play(self, flags, *phases, with_api=False, shards="2", ping_interval="1h"):
        with tempfile.TemporaryDirectory(prefix="holdfast-test-") as folder:
            settings = pathlib.Path(folder, "holdfast.toml")
            settings.write_text(SETTINGS, encoding="utf-8")
            server = self.start("holdfast", config=str(settings), shards=shards, max_connections="6000",
                                ping_interval=ping_interval, listen_api="127.0.0.1:0", close_timeout=None)
        api = ["--api=http://%s:%d" % server.address("http"), f"--api_key={KEY}"] if with_api else []
        return Run(server.url + "connection/websocket", f"--server_pid={server.child.pid}", *flags, *api,
                   *phases, patience_s=20)

    def done(self, run, name):
        return [phase["done"] for phase in run.json["phases"] if phase["name"] == name]

    def test_clients_join_publish_receive_answer_pings_and_close(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                run = self.play(client_flags(protocol), RAMP, "--phase=fanout:rounds=5,bytes=9-2000",
                                "--phase=idle:seconds=5", "--phase=ping", CLOSE, ping_interval="4s")
                self.assert_passed(run)
                self.assertEqual(run.json["counts"]["joined"], MANY)
                self.assertEqual(self.done(run, "fanout"), [5 * MANY])
                self.assertGreaterEqual(self.phase(run, "idle")["units"], MANY)
                self.assertEqual(self.done(run, "close"), [MANY])
                self.assertLessEqual(run.json["bytes_each"], 200)

    def test_publications_through_the_http_api_reach_the_subscribers_of_every_channel(self):
        # The server ends the API's connection meanwhile: nothing was said on it.
        run = self.play(client_flags("centrifugo-json", channels=30), RAMP, "--phase=idle:seconds=6",
                        "--phase=fanout:rounds=4", CLOSE, with_api=True)
        self.assert_passed(run)
        self.assertEqual(run.json["counts"]["published"], 4 * 30)
        self.assertEqual(self.done(run, "fanout"), [4 * MANY])

    def test_channels_without_positions_are_verified_by_content(self):
        run = self.play(client_flags("centrifugo-protobuf", channel="bare:x", connect="token,subscribe"),
                        RAMP, "--phase=fanout:rounds=4", CLOSE)
        self.assert_passed(run)
        self.assertEqual(self.done(run, "fanout"), [4 * MANY])

    def test_clients_that_only_connect(self):
        run = self.play(client_flags("centrifugo-json", connect="token"), RAMP, "--phase=ping", CLOSE)
        self.assert_passed(run)
        self.assertEqual(run.json["counts"]["joined"], MANY)

    def test_everybody_recovers_while_publications_go_on(self):
        for protocol, user in zip(PROTOCOLS, ("", "the-same")):
            with self.subTest(protocol):
                flags = client_flags(protocol, channels=20, more=[f"--user={user}", "--threads=2",
                                                                  "--per_ring=900"])
                run = self.play(flags, RAMP, "--phase=recover:rate=100,seconds=4,jitter_ms=1000",
                                "--phase=fanout:rounds=2", CLOSE, with_api=True)
                self.assert_passed(run)
                counts = self.phase(run, "recover")["counts"]
                self.assertEqual(self.done(run, "recover"), [MANY])
                for name in ("disconnected", "joined", "recovered"):
                    self.assertEqual(counts[name], MANY, name)
                self.assertEqual(counts["published"], 400)
                self.assertEqual(counts["deliveries"], 400 // 20 * MANY)
                self.assertGreater(counts["publications_recovered"], 0)

    def test_clients_come_and_go(self):
        run = self.play(client_flags("centrifugo-json"), RAMP, "--phase=fanout:rounds=2",
                        "--phase=churn:percent_per_minute=600,seconds=1", "--phase=storm:jitter_ms=200",
                        "--phase=fanout:rounds=2,bytes=100", "--phase=drop", RAMP, "--phase=fanout:rounds=2",
                        CLOSE)
        self.assert_passed(run)
        self.assertEqual(self.done(run, "storm") + self.done(run, "drop"), [MANY, MANY])

    def test_tokens_from_a_file_and_one_that_is_wrong(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("not.a.token\n")
            file.flush()
            flags = ["--protocol=centrifugo-json", "--connect=token", f"--tokens={file.name}"]
            run = self.play(flags, f"--phase=ramp:connections={FEW}")
        self.assertEqual(run.code, 1)
        self.assertEqual(run.faults, {"join_ended": FEW})
        self.assertIn("first unexpected close: code 3500", run.out)

    def test_a_channel_nobody_may_subscribe_to(self):
        run = self.play(client_flags("centrifugo-json", channel="missing:x"),
                        f"--phase=ramp:connections={FEW}")
        self.assertEqual(run.code, 1)
        self.assertEqual(run.faults, {"command_refused": FEW})
        self.assertIn("first refused command: error 102", run.out)


class Lies(SwarmTestCase):
    FANOUT = "--phase=fanout:rounds=3"
    RECOVER = "--phase=recover:rate=20,seconds=3,jitter_ms=200"

    def play(self, lie, *phases, with_api=False, patience_s=2):
        flags = client_flags("centrifugo-json")
        with LyingGateway(lie) as server:
            api = [f"--api={server.api}", f"--api_key={KEY}"] if with_api else []
            return Run(server.url, *flags, *api, f"--phase=ramp:connections={FEW}", *phases,
                       patience_s=patience_s)

    def check(self, lie, fault, *phases, count=None, with_api=False):
        run = self.play(lie, *phases, with_api=with_api)
        self.assertEqual(run.code, 1, f"{lie}:\n{run.out}{run.err}")
        self.assertTrue(run.verdict.startswith("FAIL"), run.out)
        self.assertIn(fault, run.faults, run.out)
        self.assertIn(fault, run.verdict)
        if count is not None:
            self.assertEqual(run.faults, {fault: count}, run.out)

    def test_an_honest_server_passes(self):
        run = self.play("none", self.FANOUT, "--phase=idle:seconds=2.5", patience_s=15)
        self.assert_passed(run)
        self.assertGreaterEqual(self.phase(run, "idle")["units"], FEW)
        run = self.play("none", self.FANOUT, self.RECOVER, self.FANOUT, with_api=True, patience_s=15)
        self.assert_passed(run)
        self.assertEqual(self.phase(run, "recover")["counts"]["deliveries"], 60 * FEW)

    def test_a_reply_with_another_id(self):
        self.check("answers another id", "reply_differs", count=FEW)

    def test_an_error_instead_of_a_reply(self):
        self.check("refuses to subscribe", "command_refused", count=FEW)

    def test_a_reply_that_does_not_come(self):
        self.check("does not answer subscribe", "join_missing", count=FEW)

    def test_a_reply_to_publish_that_does_not_come(self):
        self.check("does not answer publish", "reply_missing", "--phase=fanout:rounds=1", count=1)

    def test_a_reply_that_is_no_message(self):
        self.check("answers no JSON", "bad_message", count=FEW)

    def test_an_end_before_the_replies(self):
        self.check("ends who joins", "join_ended", count=FEW)

    def test_a_subscription_without_positions(self):
        self.check("has no positions", "not_recoverable", count=FEW)

    def test_a_subscription_at_another_offset(self):
        self.check("is somewhere else for one", "position_differs")

    def test_pings_that_were_not_announced(self):
        self.check("pings without announcing it", "unexpected_message", "--phase=idle:seconds=1.5")

    def test_a_publication_that_comes_twice(self):
        for phases in ([self.FANOUT], ["--phase=fanout:rounds=2"]):
            self.check("publishes twice", "broadcast_twice", *phases, count=1)

    def test_a_publication_that_is_lost(self):
        self.check("loses a publication", "broadcast_missing", self.FANOUT, count=1)

    def test_a_publication_with_a_wrong_offset(self):
        self.check("publishes a wrong offset", "offset_differs", self.FANOUT, count=1)

    def test_a_publication_of_wrong_bytes(self):
        self.check("publishes wrong bytes", "broadcast_differs", self.FANOUT, count=1)

    def test_a_publication_for_another_channel(self):
        self.check("publishes for another channel", "unexpected_message", self.FANOUT)

    def test_a_publication_that_is_lost_while_others_follow(self):
        # All are published by the clock: the gap shows with the next one.
        self.check("loses a publication", "broadcast_missing", self.RECOVER, count=1, with_api=True)

    def test_clients_that_are_told_they_have_missed_something(self):
        self.check("does not recover", "not_recovered", self.RECOVER, count=FEW, with_api=True)

    def test_another_epoch_after_the_return(self):
        self.check("has another epoch afterwards", "position_differs", self.RECOVER, count=FEW, with_api=True)

    def test_a_recovery_without_what_was_missed(self):
        self.check("recovers without what was missed", "broadcast_missing", self.RECOVER, with_api=True)

    def test_a_recovery_that_brings_everything_twice(self):
        self.check("recovers twice", "broadcast_twice", self.RECOVER, with_api=True)

    def test_a_client_that_is_not_disconnected(self):
        self.check("keeps a client", "disconnect_missing", self.RECOVER, count=1, with_api=True)

    def test_a_disconnect_with_another_code(self):
        self.check("closes with another code", "unexpected_close", self.RECOVER, count=FEW, with_api=True)

    def test_an_api_that_fails(self):
        self.check("has a broken API", "api_failed", self.FANOUT, with_api=True)


class Refusals(SwarmTestCase):
    def check(self, *arguments, reason):
        run = Run("ws://127.0.0.1:20000/", *arguments)
        self.assertEqual(run.code, 2, f"{run.out}{run.err}")
        self.assertIn(reason, run.err)

    def test_what_makes_no_sense_is_refused_with_the_reason(self):
        ramp = "--phase=ramp:connections=10"
        recover = "--phase=recover:rate=10,seconds=3"
        clients = client_flags("centrifugo-json")
        api = "--api=http://127.0.0.1:20001"
        self.check(ramp, "--protocol=mqtt", reason="--protocol is websocket, centrifugo-json")
        self.check(ramp, api, reason="--api is for --protocol=centrifugo-*")
        self.check(ramp, recover, reason="only with --protocol=centrifugo-*")
        self.check(ramp, "--phase=echo:closed", *clients, reason="no such thing")
        self.check(ramp, recover, *clients, reason="needs --api")
        self.check(ramp, recover, api, *client_flags("centrifugo-json", connect="token,subscribe"),
                   reason="needs --connect=recoverable")
        self.check(ramp, recover, api, "--protocol=centrifugo-json", "--connect=subscribe,recoverable",
                   reason="--token_hmac_key is missing")
        self.check(ramp, "--phase=recover:rate=10,seconds=2,jitter_ms=1500", *clients, api,
                   reason="until all are back")
        self.check(ramp, "--phase=fanout:rounds=1", *client_flags("centrifugo-json", connect="token"),
                   reason="nobody is subscribed")
        self.check(ramp, "--phase=fanout:rounds=1", *client_flags("centrifugo-json", channels=3),
                   reason="several channels")
        self.check(ramp, *client_flags("centrifugo-json", channels=3, channel="x"),
                   reason="--channel needs {}")
        self.check(ramp, *client_flags("centrifugo-json", connect="magic"), reason="some of token, subscribe")
        self.check(ramp, *client_flags("centrifugo-json", connect="subscribe"),
                   reason="are for --connect=token")
        self.check(ramp, "--protocol=centrifugo-json", "--connect=token", reason="needs either")
        self.check(ramp, "--protocol=centrifugo-json", "--connect=token", "--tokens=/none",
                   reason="cannot be read")
        self.check(ramp, *clients, "--api=ftp://127.0.0.1:1", reason="--api is http://ADDR:PORT")
        self.check(ramp, *clients, "--api=http://192.0.2.1:80", reason="not a loopback address")


if __name__ == "__main__":
    unittest.main()
