"""The program that is measured, its settings, and tokens it accepts: HS256 is signed by the swarm itself,
RS256 and ES256 here, by the openssl program, before anything is measured.
"""
import base64
import json
import os
import subprocess
import time

import building
from programs import Failed

HOLDFAST, ECHO = "src/apps/holdfast", "src/apps/holdfast-echo"
PATH = "connection/websocket"
API_KEY = "the key of this measurement"
HMAC_SECRET = "the secret of this measurement, 32 bytes or more"
RARE_PINGS = "1h"  # where heartbeats are not measured
SIGNED_TOKENS = 500  # of RS256 and ES256 each; the server keeps nothing of a token, so they may come again
TOKEN_DAY_S = 24 * 3600
OPENSSL_S = 60

SETTINGS = f"""\
[client]
pong_timeout = "{{pong_timeout}}"
[token]
hmac_secret = "{HMAC_SECRET}"
public_key_files = [{{keys}}]
[api]
key = "{API_KEY}"
[namespaces.perf]
history_size = 300
history_ttl = "10m"
recovery = "stream"
subscribe = ["users"]
publish = ["subscribers"]
read_history = ["subscribers"]
[namespaces.bare]
subscribe = ["users"]
"""


def _openssl(*arguments, text=None):
    try:
        return subprocess.run(["openssl", *arguments], input=text, capture_output=True, check=True,
                              timeout=OPENSSL_S).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"openssl {arguments[0]} failed: {error}") from error


def _base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _raw_ecdsa(der):
    """DER's two integers as 32 bytes each, which is what a token has."""
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(32, "big")
        at += 2 + length
    return numbers


class Keys:
    """A key pair of each kind, and token files made with them, in a scratch folder."""

    def __init__(self, scratch):
        self._scratch = scratch
        kinds = {"RS256": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
                 "ES256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")}
        for name, kind in kinds.items():
            _openssl("genpkey", *kind, "-out", self._path(name, "key"))
            _openssl("pkey", "-in", self._path(name, "key"), "-pubout", "-out", self._path(name, "pem"))
        self.public_files = [self._path(name, "pem") for name in kinds]

    def _path(self, name, ending):
        return os.path.join(self._scratch, f"{name}.{ending}")

    def tokens(self, algorithm):
        """The path of a file with a token a line, each for a user of its own."""
        header = _base64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
        expires = int(time.time()) + TOKEN_DAY_S
        with open(self._path(algorithm, "tokens"), "wb") as file:
            for number in range(SIGNED_TOKENS):
                claims = json.dumps({"sub": f"u{number}", "exp": expires}, separators=(",", ":"))
                signed = header + b"." + _base64url(claims.encode())
                signature = _openssl("dgst", "-sha256", "-sign", self._path(algorithm, "key"), text=signed)
                if algorithm == "ES256":
                    signature = _raw_ecdsa(signature)
                file.write(signed + b"." + _base64url(signature) + b"\n")
        return file.name


class Gateway:
    """Commands of `holdfast` with these settings; the API listens on the port behind the clients'."""
    name = "holdfast"

    def __init__(self, build, scratch, public_key_files=(), pong_timeout="8s"):
        self._program = building.program(build, HOLDFAST)
        self._settings = os.path.join(scratch, "holdfast.toml")
        with open(self._settings, "w") as file:
            keys = ", ".join(f'"{path}"' for path in public_key_files)
            file.write(SETTINGS.format(keys=keys, pong_timeout=pong_timeout))

    def command(self, port, connections, shards=1, address="127.0.0.1", ping_interval=RARE_PINGS):
        """`shards` 0: as many as the server itself finds right."""
        return [self._program, f"--config={self._settings}", f"--shards={shards}",
                f"--max_connections={connections}", f"--ping_interval={ping_interval}",
                f"--listen={address}:{port}", f"--listen_api=127.0.0.1:{port + 1}"]


def swarm_options(port, encoding="json", tokens=None, channel="perf:{}", channels=1):
    """What holdfast-swarm is told besides phases. `tokens`: a file; None: the swarm signs HS256."""
    identity = [f"--tokens={tokens}"] if tokens else [f"--token_hmac_key={HMAC_SECRET}"]
    return [f"--target=ws://127.0.0.1:{port}/{PATH}", f"--protocol=centrifugo-{encoding}",
            "--connect=token,subscribe,recoverable", *identity, f"--channel={channel}",
            f"--channels={channels}", f"--api=http://127.0.0.1:{port + 1}", f"--api_key={API_KEY}"]
