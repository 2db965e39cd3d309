#!/usr/bin/python3
"""Writes the corpus of the settings fuzz target: a settings file each."""

import pathlib
import re

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "corpus" / "settings"
SAMPLE = (HERE.parent.parent / "src" / "apps" / "holdfast.toml").read_text()

FILES = {
    "sample": SAMPLE,
    "sample_uncommented": re.sub(r"^# (?=\[namespaces|\w+ = )", "", SAMPLE, flags=re.MULTILINE),
    "empty": "",
    "comment": "# nothing\n",
    "windows_lines": SAMPLE.replace("\n", "\r\n")[:1000],
    "byte_order_mark": "\ufefflisten = []\n",
    "unknown_key": "lisen = []\n",
    "unknown_table": "[clients]\n",
    "key_of_another_table": 'ping_interval = "25s"\n',
    "every_kind_wrong": 'shards = "4"\nlisten = 1\nallow_missing_origin = 0\ndrain_timeout = 10\n[client]\n'
                        'max_message_bytes = "x"\npersonal_namespace = 1\n[channels]\n'
                        'recovery = 1\nsubscribe = 1\n',
    "out_of_range": 'shards = 257\nmax_connections = 0\ndrain_timeout = "0s"\n[client]\n'
                    'max_message_bytes = 1\n',
    "numbers_at_the_edge": "shards = 9223372036854775807\nmax_connections = -9223372036854775808\n",
    "number_too_long": "shards = 99999999999999999999\n",
    "float": "shards = 1.5\nmax_connections = inf\n",
    "dates": "shards = 1979-05-27T07:32:00Z\nmax_connections = 07:32:00\n",
    "hexadecimal": "shards = 0x10\nmax_connections = 0b1010_1010\n",
    "long_duration": 'drain_timeout = "99999999999999999999s"\n',
    "duration_without_unit": 'drain_timeout = "10"\n',
    "memory": '[client]\nmax_message_bytes = "32KiB"\nmax_outbox_bytes = 2097152\n',
    "twice": "shards = 1\nshards = 2\n",
    "table_twice": "[client]\n[client]\n",
    "unfinished_table": "[client",
    "unfinished_text": 'listen = ["127',
    "unfinished_value": "shards = ",
    "lines_of_text": '[token]\nhmac_secret = """\nline\nline\n"""\n',
    "escapes": '[token]\naudience = "\\u0041\\n\\t\\"\\\\ \\U0001F600"\n',
    "controls": '[token]\naudience = "\\u0000\\u001b[2J"\n',
    "not_utf8": b"[token]\naudience = \"\xff\xfe\"\n",
    "nul": b"shards = 1\0\n",
    "inline_tables": "client = {max_channels = 3}\nnamespaces = {a = {presence = true}, b = {}}\n",
    "dotted_keys": "client.max_channels = 3\nnamespaces.chat.presence = true\n",
    "arrays_of_tables": "[[client]]\n[[namespaces.chat]]\n",
    "nested_arrays": "listen = [[[[[[[[[[1]]]]]]]]]]\n",
    "deep_dotted_key": ".".join("a" * 200) + " = 1\n",
    "deep_array": "a = " + "[" * 300 + "]" * 300 + "\n",
    "namespaces": '[namespaces.a]\npresence = true\n[namespaces."with.point"]\n[namespaces."not a name"]\n',
    "namespace_without_name": '[namespaces.""]\n',
    "namespace_scalar": "[namespaces]\na = 1\n",
    "history": '[channels]\nhistory_size = 10\nhistory_ttl = "60s"\nrecovery = "stream"\n'
               'force_recovery = true\n',
    "history_half": "[channels]\nhistory_size = 10\n",
    "cache": '[channels]\nhistory_size = 1\nhistory_ttl = "1h"\nrecovery = "cache"\n'
             'force_positioning = true\n',
    "groups": '[channels]\nsubscribe = "anybody"\npublish = ["users", "subscribers"]\n'
              'read_history = ["nobody"]\n',
    "groups_wrong": '[channels]\nsubscribe = ["subscribers"]\npublish = ["all"]\n',
    "personal": "[client]\npersonal_channel = true\n[namespaces.personal]\n",
    "personal_missing": "[client]\npersonal_channel = true\n",
    "origins": 'allowed_origins = ["https://example.com", "*", "http://[::1]:3000"]\n',
    "origin_wrong": 'allowed_origins = ["example.com"]\n',
    "listeners": 'listen = ["0.0.0.0:80", "[::]:80"]\nlisten_api = []\n',
    "listeners_wrong": 'listen = ["localhost", "1.2.3.4:99999"]\n'
                       'listen_api = ["127.0.0.1:8000", "127.0.0.1:8000"]\n',
    "pongs": '[client]\nping_interval = "5s"\npong_timeout = "5s"\n',
    "no_pings": '[client]\nping_interval = "0s"\n',
    "secret_file": '[token]\nhmac_secret_file = "s"\n[api]\nkey_env = "KEY"\n',
    "secret_missing": '[token]\nhmac_secret_file = "a/path/that/is/not/there"\n[api]\nkey_env = "key"\n',
    "secret_twice": '[token]\nhmac_secret = "x"\nhmac_secret_file = "s"\nhmac_secret_env = "S"\n',
    "secret_misspelled": '[token]\nhmac_secrt = "x"\n',
    "key_files": '[token]\npublic_key_files = ["a.pem", "b.pem"]\njwks_file = "k.json"\n',
    "previous_without_current": '[api]\nprevious_key = "0123456789abcdef"\n',
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (FOLDER / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    print(f"{len(FILES)} files in {FOLDER}")


if __name__ == "__main__":
    main()
