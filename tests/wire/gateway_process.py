"""holdfast for a test: started on free ports, with settings where they are needed, spoken to by its HTTP API
and by WebSocket."""

import json
import os
import tempfile

from holdfast_process import WireTestCase

KEY = "the key of these tests"
# Long enough that none comes while a test runs.
GATEWAY_FLAGS = {"listen_api": "127.0.0.1:0", "close_timeout": None, "ping_interval": "1h"}


class GatewayTestCase(WireTestCase):
    def write_settings(self, text):
        """A settings file that lasts as long as the test."""
        folder = tempfile.TemporaryDirectory(prefix="holdfast-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "holdfast.toml")
        self.rewrite_settings(path, text)
        return path

    def rewrite_settings(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def start_gateway(self, settings=None, **flags):
        if settings is not None and "config" not in flags:
            flags["config"] = self.write_settings(settings)
        return self.start("holdfast", **{**GATEWAY_FLAGS, **flags})

    def drawn_key(self, server):
        """The API key that a server without one has printed."""
        server._wait(lambda: any("API key" in line for line in server.stdout_lines), 10.0)
        line = next(line for line in server.stdout_lines if "API key" in line)
        return line.split()[2]

    def open_api(self, server, key=KEY):
        client = self.open_http(server)
        client.key = key
        return client

    def call(self, client, method, request, fields=()):
        """The answer of the API as (status, parsed JSON)."""
        self.send_call(client, method, request, fields)
        return self.receive_answer(client)

    def send_call(self, client, method, request, fields=()):
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        client.ask(f"/api/{method}", "POST", (f"X-API-Key: {client.key}", *fields), body)

    def receive_answer(self, client):
        response = client.receive_response()
        return response.status, json.loads(response.body)

    def result(self, client, method, request):
        status, answer = self.call(client, method, request)
        self.assertEqual(status, 200, answer)
        self.assertIn("result", answer)
        return answer["result"]

    def open_client(self, server, *commands):
        """A WebSocket client of the JSON protocol that has sent `commands`; their replies by id."""
        client = self.connect(server)
        client.upgrade(start=b"GET /connection/websocket HTTP/1.1")
        numbered = [{**command, "id": number} for number, command in enumerate(commands, start=1)]
        client.send_message("\n".join(json.dumps(command) for command in numbered))
        client.lines = []
        client.replies = {}
        while len(client.replies) < len(numbered):
            line = self.receive_line(client)
            client.replies[line["id"]] = line
        return client

    def receive_line(self, client):
        """The next JSON message of a client that is no ping."""
        while True:
            while not client.lines:
                client.lines += client.receive_message().split("\n")
            line = json.loads(client.lines.pop(0))
            if line:
                return line

    def receive_publication(self, client):
        while True:
            line = self.receive_line(client)
            if "pub" in line.get("push", {}):
                return line["push"]["pub"]
