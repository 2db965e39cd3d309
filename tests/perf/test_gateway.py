"""What perf/gateway makes itself: tokens that a server accepts, and its judgement of the API's answers."""

import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import perf_modules  # noqa: E402

sys.path.insert(0, str(perf_modules.PERF / "gateway"))
import api_figures  # noqa: E402
import gateway_program  # noqa: E402
from programs import Failed  # noqa: E402


class Tokens(unittest.TestCase):
    def test_an_ecdsa_signature_is_two_numbers_of_32_bytes_each(self):
        short, long = b"\x02\x01\x07", b"\x02\x21\x00" + b"\xff" * 32
        der = b"\x30" + bytes([len(short + long)]) + short + long
        self.assertEqual(gateway_program._raw_ecdsa(der), b"\0" * 31 + b"\x07" + b"\xff" * 32)

    def test_signed_tokens_are_different_and_right_by_the_public_key(self):
        gateway_program.SIGNED_TOKENS = 3
        with tempfile.TemporaryDirectory() as scratch:
            keys = gateway_program.Keys(scratch)
            self.assertEqual(len(keys.public_files), 2)
            for name in ("RS256", "ES256"):
                tokens = pathlib.Path(keys.tokens(name)).read_text(encoding="ascii").splitlines()
                self.assertEqual(len(set(tokens)), 3)
                self.assertTrue(all(token.count(".") == 2 for token in tokens))
            token = pathlib.Path(scratch, "RS256.tokens").read_text(encoding="ascii").split()[0]
            signed, _, signature = token.rpartition(".")
            raw = gateway_program.base64.urlsafe_b64decode(signature + "==")
            file = pathlib.Path(scratch, "signature")
            file.write_bytes(raw)
            done = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", keys.public_files[0], "-signature", str(file)],
                input=signed.encode(), capture_output=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)


class Answers(unittest.TestCase):
    def take(self, answer):
        """What a publisher of two requests makes of this answer to both."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            def serve():
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer * 2)
                    connection.recv(1)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            publisher = api_figures.Publisher(server.getsockname()[1], 2, 1)
            publisher.socket.settimeout(20)
            try:
                publisher.send()
                taken = 0
                while taken == 0:
                    taken = publisher.take()
                return taken
            finally:
                publisher.socket.close()
                thread.join(20)

    def test_publishes_that_were_answered_are_counted(self):
        self.assertEqual(self.take(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"result":{}}'), 2)

    def test_another_status_fails_the_measurement(self):
        with self.assertRaises(Failed):
            self.take(b'HTTP/1.1 429 Too Many\r\nContent-Length: 13\r\n\r\n{"result":{}}')

    def test_an_error_fails_the_measurement(self):
        with self.assertRaises(Failed):
            self.take(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"error":{"code":1}}')


if __name__ == "__main__":
    unittest.main()
