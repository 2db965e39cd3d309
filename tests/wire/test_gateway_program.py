"""The program holdfast: what it does without settings, with wrong ones, and on signals; streams over HTTP."""

import json
import os
import signal
import time
import unittest

import raw_client
from gateway_process import KEY, GatewayTestCase
from holdfast_process import run_to_its_end

SETTINGS = f"""
[client]
allow_anonymous = true
[api]
key = "{KEY}"
[channels]
subscribe = ["anybody"]
"""


def probed_in_s(client):
    """When TCP keepalive looks after the server's end of a connection; nothing when it does not."""
    keepalive = "02"
    # Its port alone may be that of another connection as well, which has just ended.
    ends = [f":{name[1]:04X}" for name in (client.socket.getpeername(), client.socket.getsockname())]
    with open("/proc/net/tcp", encoding="ascii") as table:
        for fields in map(str.split, table):
            if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
                timer, left = fields[5].split(":")
                return int(left, 16) / os.sysconf("SC_CLK_TCK") if timer == keepalive else None
    return None


def eventually(condition):
    patience = time.monotonic() + raw_client.DEADLINE_S
    while not condition() and time.monotonic() < patience:
        time.sleep(0.02)
    return condition()


class FirstMinute(GatewayTestCase):
    def test_without_settings_everything_can_be_tried_at_once(self):
        server = self.start_gateway()
        page = self.open_http(server, kind="ws")
        page.ask("/")
        response = page.receive_response()
        self.assertEqual(response.status, 200)
        self.assertIn("Content-Security-Policy".lower(), response.fields)
        self.assertIn(b"connection/websocket", response.body)
        self.assertNotIn(self.drawn_key(server).encode(), response.body)
        client = self.open_client(server, {"connect": {}}, {"subscribe": {"channel": "demo"}})
        api = self.open_api(server, self.drawn_key(server))
        self.result(api, "publish", {"channel": "demo", "data": {"text": "hello"}})
        self.assertEqual(self.receive_publication(client)["data"], {"text": "hello"})

    def test_each_start_draws_other_secrets(self):
        keys = {self.drawn_key(self.start_gateway()) for _ in range(2)}
        self.assertEqual(len(keys), 2)

    def test_with_settings_nobody_is_let_in_unasked(self):
        server = self.start_gateway("")
        client = self.connect(server)
        client.upgrade(start=b"GET /connection/websocket HTTP/1.1")
        client.send_message('{"connect":{},"id":1}')
        self.assertEqual(client.receive_close()[0], 3501)
        page = self.open_http(server, kind="ws")
        page.ask("/")
        self.assertEqual(page.receive_response().status, 426)


class Settings(GatewayTestCase):
    def test_check_config_says_what_is_wrong_and_where(self):
        path = self.write_settings('[client]\nping_interval = "fast"\nunheard_of = 1\n')
        checked = run_to_its_end("holdfast", f"--config={path}", "--check_config")
        self.assertEqual(checked.returncode, 2)
        self.assertIn(f"{path}:2:", checked.stderr)
        self.assertIn(f"{path}:3:", checked.stderr)
        self.assertEqual(checked.stdout, "")
        started = run_to_its_end("holdfast", f"--config={path}")
        self.assertEqual((started.returncode, started.stderr), (2, checked.stderr))

    def test_check_config_shows_all_values_but_no_secret(self):
        path = self.write_settings(SETTINGS)
        checked = run_to_its_end("holdfast", f"--config={path}", "--check_config", "--shards=3")
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        self.assertIn("allow_anonymous = true", checked.stdout)
        self.assertIn("shards = 3", checked.stdout)
        self.assertNotIn(KEY, checked.stdout)

    def test_wrong_flags_are_named(self):
        for argument, named in (
            ("--listen=nonsense", "--listen"),
            ("--shards=many", "--shards"),
            ("--config=/nowhere/holdfast.toml", "/nowhere/holdfast.toml"),
            ("stray", "stray"),
        ):
            ended = run_to_its_end("holdfast", argument)
            self.assertEqual(ended.returncode, 2, argument)
            self.assertIn(named, ended.stderr)

    def test_sighup_reloads_what_can_be_and_says_what_cannot(self):
        path = self.write_settings("max_connections = 2000\n" + SETTINGS)
        server = self.start_gateway(config=path, max_connections=None, shards="2")
        api = self.open_api(server)
        self.assertEqual(self.call(api, "publish", {"channel": "new:c", "data": 1})[1]["error"]["code"], 102)
        changed = SETTINGS.replace(KEY, "another key, longer") + '[namespaces.new]\nsubscribe = ["anybody"]\n'
        self.rewrite_settings(path, "max_connections = 1000\n" + changed)
        self.hang_up(server, "settings read again")
        self.assertEqual(self.call(api, "info", {})[0], 401)
        api.key = "another key, longer"
        self.assertIn("result", self.call(api, "publish", {"channel": "new:c", "data": 1})[1])
        said = "\n".join(server.stderr_lines)
        self.assertIn("needs a restart: max_connections", said)
        self.assertIn("reloaded namespaces.new: new", said)
        self.assertNotIn("another key", said)

    def test_broken_settings_change_nothing(self):
        path = self.write_settings(SETTINGS)
        server = self.start_gateway(config=path)
        api = self.open_api(server)
        self.rewrite_settings(path, SETTINGS + "[nonsense")
        self.hang_up(server, "the settings stay as they are")
        self.assertEqual(self.call(api, "info", {})[0], 200)

    def test_a_longer_ping_interval_is_reloaded(self):
        path = self.write_settings(SETTINGS)
        server = self.start_gateway(config=path, ping_interval=None)
        self.rewrite_settings(path, SETTINGS.replace("[client]", '[client]\nping_interval = "10m"'))
        self.hang_up(server, "settings read again, 1 changes, 0 need a restart")
        client = self.open_client(server, {"connect": {}})
        self.assertEqual(client.replies[1]["connect"]["ping"], 600)

    def test_a_reload_that_contradicts_what_needs_a_restart_changes_nothing(self):
        path = self.write_settings(SETTINGS)
        server = self.start_gateway(config=path)
        more = '[client]\nmax_outbox_bytes = "4MiB"\nping_interval = "30s"'
        self.rewrite_settings(
            path, SETTINGS.replace("[client]", more) + '[history]\nmax_answer_bytes = "2MiB"\n'
        )
        self.hang_up(server, "restart the server")
        said = "\n".join(server.stderr_lines)
        self.assertIn('history.max_answer_bytes = "2MiB": is more than client.max_outbox_bytes, 1MiB', said)
        self.assertIn('needs a restart: client.max_outbox_bytes: "4MiB", was "1MiB"', said)
        self.assertNotIn("settings read again", said)

    def hang_up(self, server, expected):
        server.signal(signal.SIGHUP)
        found = server._wait(lambda: any(expected in line for line in server.stderr_lines), 10.0)
        self.assertTrue(found, server.stderr_lines)


class Ends(GatewayTestCase):
    def test_sigterm_tells_clients_to_come_back_over_the_window(self):
        server = self.start_gateway(SETTINGS, drain_timeout="3s")
        clients = [self.open_client(server, {"connect": {}}) for _ in range(30)]
        server.signal(signal.SIGTERM)
        for client in clients:
            self.assertEqual(client.receive_close(), (3001, "shutdown"))
            client.send_frame(raw_client.CLOSE, raw_client.close_payload(3001))
        self.assertEqual(server.wait_for_exit(), 0)

    def test_a_second_sigterm_stops_at_once(self):
        server = self.start_gateway(SETTINGS, drain_timeout="1h")
        self.open_client(server, {"connect": {}})
        server.signal(signal.SIGTERM)
        time.sleep(0.2)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait_for_exit(5.0), 0)

    def test_while_it_drains_it_is_not_ready(self):
        server = self.start_gateway(SETTINGS, drain_timeout="30s")
        probes = [self.open_http(server) for _ in range(20)]
        for probe in probes:
            probe.ask("/ready")
            self.assertEqual(probe.receive_response().status, 200)
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        statuses = []
        for probe in probes:
            if probe.send_or_end(b"GET /ready HTTP/1.1\r\nHost: h\r\n\r\n"):
                try:
                    statuses.append(probe.receive_response().status)
                except Exception:
                    continue
        self.assertGreater(len(statuses), 0)
        self.assertEqual(set(statuses), {503})
        server.signal(signal.SIGTERM)


class Streams(GatewayTestCase):
    def begin(self, server, target, method="GET", body=b"", fields=()):
        stream = self.open_http(server, kind="ws")
        stream.ask(target, method, fields, body)
        head = stream.receive_response()
        self.assertEqual(head.status, 200)
        self.assertEqual(head.fields["transfer-encoding"], "chunked")
        return stream, head

    def setUp(self):
        super().setUp()
        self.server = self.start_gateway(SETTINGS, shards="2")
        self.api = self.open_api(self.server)

    def test_an_event_stream_gets_what_is_published(self):
        connect = "%7B%22subs%22%3A%7B%22news%22%3A%7B%7D%7D%7D"
        stream, head = self.begin(self.server, f"/connection/uni_sse?cf_connect={connect}")
        self.assertEqual(head.fields["content-type"], "text/event-stream; charset=utf-8")
        first = stream.receive_chunk().decode()
        self.assertTrue(first.startswith("data: ") and first.endswith("\n\n"), first)
        self.assertIn("news", json.loads(first[6:])["connect"]["subs"])
        self.result(self.api, "publish", {"channel": "news", "data": {"a": 1}})
        push = json.loads(stream.receive_chunk()[6:])
        self.assertEqual((push["channel"], push["pub"]["data"]), ("news", {"a": 1}))

    def test_an_http_stream_gets_what_is_published(self):
        stream, head = self.begin(
            self.server, "/connection/uni_http_stream", "POST", b'{"subs":{"news":{}}}'
        )
        self.assertEqual(head.fields["content-type"], "application/json")
        self.assertIn("connect", json.loads(stream.receive_chunk()))
        self.result(self.api, "publish", {"channel": "news", "data": [2]})
        self.assertEqual(json.loads(stream.receive_chunk())["pub"]["data"], [2])

    def test_a_stream_for_both_directions_takes_commands_by_its_session(self):
        connect = b'{"connect":{},"id":1}'
        stream, _ = self.begin(self.server, "/connection/http_stream", "POST", connect)
        result = json.loads(stream.receive_chunk())["connect"]
        command = '{"presence":{"channel":"c"},"id":2}'
        for _ in range(6):  # wherever the request arrives, the session is found
            upstream = self.open_http(self.server, kind="ws")
            frame = {"session": result["session"], "node": result["node"], "data": command}
            upstream.ask("/emulation", "POST", (), json.dumps(frame).encode())
            self.assertEqual(upstream.receive_response().status, 204)
            self.assertEqual(json.loads(stream.receive_chunk())["id"], 2)
        upstream.ask("/emulation", "POST", (), b'{"session":"nobody","node":"1","data":"{}"}')
        self.assertEqual(upstream.receive_response().status, 404)

    def test_streams_that_cannot_begin_are_refused(self):
        client = self.open_http(self.server, kind="ws")
        for method, target, status in (
            ("GET", "/connection/uni_sse", 400),
            ("PUT", "/connection/uni_sse", 405),
            ("GET", "/emulation", 405),
        ):
            client.ask(target, method)
            self.assertEqual(client.receive_response().status, status, target)
        foreign = ("Origin: https://elsewhere.example",)
        client.ask("/connection/uni_sse?cf_connect=%7B%7D", "GET", foreign)
        self.assertEqual(client.receive_response().status, 403)

    def test_without_pings_the_kernel_asks_whether_the_reader_of_a_stream_is_there(self):
        server = self.start_gateway(SETTINGS, ping_interval="0")
        stream, _ = self.begin(server, "/connection/uni_http_stream", "POST", b"{}")
        stream.receive_chunk()
        websocket = self.open_client(server, {"connect": {}})
        for client in (stream, websocket):
            self.assertTrue(eventually(lambda client=client: probed_in_s(client)))
            self.assertLessEqual(probed_in_s(client), 60)

    def test_streams_that_vanish_leave_nothing_behind(self):
        for ending in ("close", "reset", "finish_sending"):
            stream, _ = self.begin(self.server, "/connection/uni_http_stream", "POST", b"{}")
            stream.receive_chunk()
            getattr(stream, ending)()
        self.server.wait_for(connections_open=0)


if __name__ == "__main__":
    unittest.main()
