#!/usr/bin/python3
"""Writes the corpora of json_command and protobuf_command: frames in both encodings, and broken ones."""

import json
import pathlib

HERE = pathlib.Path(__file__).parent / "corpus"
COMMANDS = ["connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping",
            "send", "rpc", "refresh", "sub_refresh"]
# By message: name -> (number, kind). A kind that is a dictionary is a message; one in a tuple a map of it.
CHANNEL = {"channel": (1, "text")}
SUBSCRIBE = {
    "channel": (1, "text"), "token": (2, "text"), "recover": (3, "flag"), "epoch": (6, "text"),
    "offset": (7, "number"), "data": (8, "payload"), "positioned": (9, "flag"), "recoverable": (10, "flag"),
    "join_leave": (11, "flag"), "delta": (12, "text"), "tf": (13, {}), "flag": (14, "number"),
    "type": (15, "number"),
}
REQUESTS = {
    "connect": {"token": (1, "text"), "data": (2, "payload"), "subs": (3, (SUBSCRIBE,)), "name": (4, "text"),
                "version": (5, "text"), "headers": (6, ("text",)), "flag": (7, "number")},
    "subscribe": SUBSCRIBE,
    "publish": {"channel": (1, "text"), "data": (2, "payload"), "type": (3, "number")},
    "history": {"channel": (1, "text"), "limit": (7, "number"),
                "since": (8, {"offset": (1, "number"), "epoch": (2, "text")}), "reverse": (9, "flag")},
    "ping": {},
    "send": {"data": (1, "payload")},
    "rpc": {"data": (1, "payload"), "method": (2, "text")},
    "refresh": {"token": (1, "text")},
    "sub_refresh": {"channel": (1, "text"), "token": (2, "text"), "type": (3, "number")},
}
COMMAND = {"id": (1, "number")}
COMMAND |= {name: (4 + place, REQUESTS.get(name, CHANNEL)) for place, name in enumerate(COMMANDS)}

FRAMES = {
    "golden": [{"connect": {"token": "T0", "data": {"a": 1}, "name": "js"}, "id": 1},
               {"subscribe": {"channel": "chat:room", "flag": 1}, "id": 2},
               {"subscribe": {"channel": "bad", "flag": 1}, "id": 3}],
    "reconnect": [{"connect": {"token": "T1"}, "id": 10},
                  {"subscribe": {"channel": "chat:room", "flag": 1, "recover": True, "offset": 8,
                                 "epoch": "AbCd"}, "id": 11}],
    "pong": [{}],
    "pongs": [{}, {}, {}],
    "subscribe": [{"id": 2, "subscribe": {
        "channel": "$a#1,2", "token": "x.y.z", "recover": True, "epoch": "e", "offset": 2**53, "data": [1],
        "positioned": True, "recoverable": True, "join_leave": True, "delta": "fossil", "tf": {}, "flag": 3,
        "type": 1}}],
    "connect": [{"id": 1, "connect": {
        "token": "t", "data": "x", "name": "abcdefghijklmnop", "version": "v" * 64, "flag": 2**63 - 1,
        "subs": {"a": {"recover": True, "offset": 12, "epoch": "x"}, "b": {}, "": {"data": 7}},
        "headers": {"a": "b", "c": ""}}}],
    "connect_over_limits": [{"id": 1, "connect": {"subs": {str(i): {} for i in range(4)}}}],
    "headers_over_limits": [{"id": 1, "connect": {"headers": {str(i): "" for i in range(3)}}}],
    "name_over_limit": [{"id": 1, "connect": {"name": "abcdefghijklmnopq"}}],
    "publish": [{"id": 4, "publish": {"channel": "chat:room", "data": {"hello": "w\u00e4\U0001f600"}}}],
    "history": [{"id": 7, "history": {"channel": "c", "since": {"offset": 1, "epoch": "e"}, "limit": 10,
                                      "reverse": True}}],
    "history_without_since": [{"id": 7, "history": {"channel": "c", "limit": 10}}],
    "rpc": [{"id": 8, "rpc": {"method": "m", "data": {"p": [None, True, 1.5, "\\\"\n"]}}}],
    "send": [{"send": {"data": {"one": "way"}}}],
    "others": [{"id": 1, "unsubscribe": {"channel": "c"}}, {"id": 2, "presence": {"channel": "c"}},
               {"id": 3, "presence_stats": {"channel": "c"}}, {"id": 4, "ping": {}},
               {"id": 5, "refresh": {"token": "t"}},
               {"id": 2**32 - 1, "sub_refresh": {"channel": "c", "token": "t", "type": 1}}],
    "several_requests": [{"id": 1, "rpc": {"method": "m"}, "publish": {"channel": "c"}}],
}

BROKEN_JSON = {
    "empty": "", "line_break": "\n", "two_line_breaks": "{}\n\n", "one_line_break": "{}\n",
    "crlf": "{}\r\n{}", "null": "null", "array": "[{}]", "two_objects": "{}{}", "trailing_comma": '{"id":1,}',
    "id_text": '{"id":"1"}', "id_negative": '{"id":-1}', "id_fraction": '{"id":1.0}',
    "id_large": '{"id":4294967296}', "id_twice": '{"id":1,"id":2}',
    "nulls": '{"id":null,"connect":null,"publish":{"channel":null,"data":null}}',
    "unknown": '{"x":{"y":[1,{"z":null}]},"id":1}', "unknown_broken": '{"x":{"y":[1,{"z":nul}]},"id":1}',
    "escaped_name": '{"\\u0069d":1}', "surrogate_in_payload": '{"publish":{"data":"\\ud800"}}',
    "surrogate_in_channel": '{"publish":{"channel":"\\ud800"}}', "control": '{"publish":{"data":"\x01"}}',
    "payload_breaks": '{"publish":{"data":{\r"a"\r:[1,\r2]}}}',
    "numbers": '[0,-0,1e5,1E-5,-1.5,1e999]', "numbers_broken": "[1.,01,+1,.5]",
    "number_large": '{"publish":{"data":123456789012345678901234567890}}', "colon_twice": '{"a":"b":1}',
    "brackets_crossed": '{"publish":{"data":[{"a":1]}}}', "deep_arrays": '{"x":' + "[" * 200,
    "deep_payload": '{"publish":{"data":' + "[" * 126 + "]" * 126 + "}}",
    "too_deep_payload": '{"publish":{"data":' + "[" * 127 + "]" * 127 + "}}",
    "deep_objects": '{"a":' * 150 + "1" + "}" * 150, "spaces": ' { "id" : 1 , "send" : { "data" : [ ] } } \t',
    "subs_twice": '{"connect":{"subs":{"a":{"offset":1},"a":{"recover":true}}}}',
    "map_array": '{"connect":{"subs":[]}}', "text_object": '{"publish":{"channel":{}}}',
    "flag_number": '{"subscribe":{"recover":1}}', "value": '"],["', "values": "1],[2", "literal": "true",
    "literals": "truefalse",
}

# Frames that are broken as such.
BROKEN_FRAMES = {
    "empty": "", "short": "01", "length_cut": "80", "length_2_64": "ffffffffffffffffff7f",
    "length_2_32": "ffffffff0f", "length_overlong": "82808080800008 01",
}

# Messages, each put into a frame of its own.
ODD_MESSAGES = {
    "tag_alone": "08", "varint_cut": "0880", "varint_11": "08 ffffffffffffffffffff01",
    "varint_overlong": "08 818000", "tag_overlong": "8880808000 01", "tag_6": "888080808000 01",
    "request_cut": "2205", "text_cut": "2202 0a05", "field_0": "0001", "group_end": "0c", "wire_type_6": "0e",
    "group_open": "0b", "group_crossed": "0b14", "group": "a306 0801 0b0c a406 0801",
    "groups_deep": "0b" * 100 + "0c" * 100, "groups_too_deep": "0b" * 101 + "0c" * 101,
    "fixed": "a106 0102030405060708 a506 01020304 0801", "not_utf8": "2a04 0a02c0af",
    "key_not_utf8": "2205 1a03 0a01ff", "header_not_utf8": "2208 3206 0a0161 1201ff", "id_as_bytes": "0a0178",
    "request_as_varint": "2001", "id_twice": "0801 0802",
    "request_twice": "3a06 0a0161 0a0162 3a03 120137 3a00",
    "entry_empty": "2202 1a00", "entry_value_first": "2209 1a07 12021801 0a0161",
    "entry_value_twice": "220d 1a0b 0a0161 12021801 12024801",
    "entry_twice": "220e 1a05 0a0161 1200 1a05 0a0161 1200",
    "header_value_twice": "220b 3209 0a0161 120162 120163", "negative_limit": "520b 38 ffffffffffffffffff01",
    "unknown_within": "3a08 7801 0a0161 120137", "filter_broken": "2a03 6a01ff",
}


def varint(value):
    value &= 2**64 - 1
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(digits + bytes([value]))


def field(number, kind, value):
    if kind in ("number", "flag"):
        return varint(number << 3) + varint(int(value))
    if kind == "text":
        content = value.encode()
    elif kind == "payload":
        content = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    elif isinstance(kind, tuple):
        entry = {"key": (1, "text"), "value": (2, kind[0])}
        return b"".join(field(number, entry, {"key": key, "value": one}) for key, one in value.items())
    else:
        content = message(kind, value)
    return varint(number << 3 | 2) + varint(len(content)) + content


def message(fields, values):
    return b"".join(field(*fields[name], value) for name, value in values.items())


def write(folder, name, content):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    (HERE / folder / name).write_bytes(content)


for name, commands in FRAMES.items():
    lines = [json.dumps(command, separators=(",", ":"), ensure_ascii=False).encode() for command in commands]
    write("json_command", name, b"\n".join(lines))
    messages = [message(COMMAND, command) for command in commands]
    write("protobuf_command", name, b"".join(varint(len(one)) + one for one in messages))
for name, frame in BROKEN_JSON.items():
    write("json_command", name, frame.encode())
write("json_command", "not_utf8", b'{"publish":{"data":"\xff"}}')
for name, frame in BROKEN_FRAMES.items():
    write("protobuf_command", name, bytes.fromhex(frame))
for name, odd in ODD_MESSAGES.items():
    write("protobuf_command", name, varint(len(bytes.fromhex(odd))) + bytes.fromhex(odd))
