"""Python's `websockets` against the real servers: what its users do with it works."""

import asyncio
import pathlib
import random
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "wire"))

from holdfast_process import WireTestCase  # noqa: E402

try:
    import websockets
except ImportError:
    websockets = None

LIMIT_S = 30


@unittest.skipUnless(websockets, "python3-websockets is not installed: apt-get install python3-websockets")
class PythonWebsockets(WireTestCase):
    def drive(self, conversation, *arguments):
        """Runs a coroutine to its end, within the limit."""
        asyncio.run(asyncio.wait_for(conversation(*arguments), LIMIT_S))

    def test_text_and_binary_come_back(self):
        async def conversation(url):
            async with websockets.connect(url) as socket:
                for message in (
                    "",
                    "hello",
                    "gr\u00fc\u00dfe \U0001f600",
                    b"",
                    b"\x00\xff",
                    random.randbytes(65536),
                ):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)

        self.drive(conversation, self.start().url)

    def test_fragments_come_back_as_one_message(self):
        async def conversation(url):
            async with websockets.connect(url) as socket:
                await socket.send(["one ", "two ", "three"])
                self.assertEqual(await socket.recv(), "one two three")
                await socket.send([bytes([number]) * 300 for number in range(100)])
                self.assertEqual(
                    await socket.recv(), b"".join(bytes([number]) * 300 for number in range(100))
                )

        self.drive(conversation, self.start().url)

    def test_pings_are_answered(self):
        async def conversation(url):
            async with websockets.connect(url, ping_interval=None) as socket:
                for payload in ("", "are you there", "x" * 125):
                    await (await socket.ping(payload))

        self.drive(conversation, self.start().url)

    def test_it_answers_the_servers_pings(self):
        async def conversation(url):
            async with websockets.connect(url, ping_interval=None) as socket:
                await asyncio.sleep(2.5)
                await socket.send("kept alive by pongs")
                self.assertEqual(await socket.recv(), "kept alive by pongs")

        self.drive(conversation, self.start(ping_interval="1s", pong_timeout="1s").url)

    def test_close_codes_come_back(self):
        async def conversation(url):
            for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4000, 4999):
                socket = await websockets.connect(url)
                await socket.close(code, "because")
                self.assertEqual(socket.close_code, code)

        self.drive(conversation, self.start().url)

    def test_a_message_over_the_limit_gets_1009(self):
        async def conversation(url):
            async with websockets.connect(url) as socket:
                await socket.send(bytes(65537))
                with self.assertRaises(websockets.ConnectionClosedError) as closed:
                    await socket.recv()
                self.assertEqual(closed.exception.rcvd.code, 1009)

        self.drive(conversation, self.start().url)

    def test_large_messages_come_back(self):
        async def conversation(url):
            async with websockets.connect(url, max_size=2**21) as socket:
                for message in (random.randbytes(2**20), "\u00e9" * 2**19):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)

        self.drive(conversation, self.start(max_message_bytes=2**20, max_outbox_bytes=2**23).url)

    def test_its_offer_of_compression_is_declined(self):
        async def conversation(url):
            async with websockets.connect(url, compression="deflate") as socket:
                self.assertEqual(socket.extensions, [])
                await socket.send("plain")
                self.assertEqual(await socket.recv(), "plain")

        self.drive(conversation, self.start().url)

    def test_the_servers_subprotocol_is_chosen(self):
        async def conversation(url):
            async with websockets.connect(url, subprotocols=["chat.v1", "chat.v2"]) as socket:
                self.assertEqual(socket.subprotocol, "chat.v2")

        self.drive(conversation, self.start(subprotocols="chat.v2,chat.v1").url)

    def test_a_foreign_origin_is_refused(self):
        async def conversation(url):
            async with websockets.connect(url, origin="https://good.example"):
                pass
            with self.assertRaises(websockets.InvalidStatusCode) as refused:
                await websockets.connect(url, origin="https://evil.example")
            self.assertEqual(refused.exception.status_code, 403)

        self.drive(conversation, self.start(allowed_origins="https://good.example").url)

    def test_two_hundred_in_parallel_are_served(self):
        async def one(url, number):
            async with websockets.connect(url) as socket:
                for turn in range(20):
                    await socket.send(f"client {number} message {turn}")
                    self.assertEqual(await socket.recv(), f"client {number} message {turn}")

        async def conversation(url):
            await asyncio.gather(*(one(url, number) for number in range(200)))

        self.drive(conversation, self.start(shards=2).url)

    def test_a_broadcast_reaches_all(self):
        async def conversation(url):
            sockets = await asyncio.gather(*(websockets.connect(url) for _ in range(20)))
            hearing = asyncio.gather(*(socket.recv() for socket in sockets))
            # Heard by everybody once everybody is known to the server; until then it is said again.
            while not (await asyncio.wait([hearing], timeout=0.05))[0]:
                await sockets[0].send("to all")
            self.assertEqual(hearing.result(), ["to all"] * 20)
            await asyncio.gather(*(socket.close() for socket in sockets))

        self.drive(conversation, self.start("holdfast-broadcast", shards=2).url)

    def test_a_drain_is_seen_as_1012(self):
        async def conversation(server):
            sockets = await asyncio.gather(*(websockets.connect(server.url) for _ in range(20)))
            server.signal(signal.SIGTERM)
            await asyncio.gather(*(socket.wait_closed() for socket in sockets))
            self.assertEqual([socket.close_code for socket in sockets], [1012] * 20)

        self.drive(conversation, self.start(drain_timeout="3s"))


if __name__ == "__main__":
    unittest.main()
