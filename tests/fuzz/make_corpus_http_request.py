#!/usr/bin/python3
"""Writes the corpus of the http_request fuzz target: a stream per file, after two bytes choosing the cut."""

import pathlib

FOLDER = pathlib.Path(__file__).parent / "corpus" / "http_request"
GET = b"GET /a?b HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: h\r\n"
OLD = b"GET / HTTP/1.0\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n"


def length(count, body=b""):
    return POST + b"Content-Length: %s\r\n\r\n" % count + body


STREAMS = {
    "get": GET + END,
    "two": GET + END + GET + END,
    "pipeline": GET + END + length(b"5", b"hello") + CHUNKED + b"0\r\n\r\n" + GET + END,
    "unfinished_head": GET + b"X: ",
    "length": length(b"5", b"hello"),
    "length_zero": length(b"0"),
    "length_at_limit": length(b"64", b"x" * 64),
    "length_over_limit": length(b"65"),
    "length_saturates": length(b"9" * 40),
    "length_overflows_64_bits": length(b"18446744073709551617", b"x"),
    "length_negative": length(b"-1"),
    "length_plus": length(b"+1", b"x"),
    "length_hexadecimal": length(b"0x1", b"x"),
    "length_list": length(b"1, 1", b"x"),
    "length_empty": length(b""),
    "length_twice_same": POST + b"Content-Length: 1\r\nContent-Length: 01\r\n\r\nx",
    "length_twice_different": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
    "length_and_chunked": POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length_unfinished": length(b"5", b"hel"),
    "chunks": CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    "chunks_upper_case": CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n",
    "chunks_leading_zeros": CHUNKED + b"0000005\r\nhello\r\n000\r\n\r\n",
    "chunks_too_many_digits": CHUNKED + b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunks_extensions": CHUNKED + b"5;a=b;c=\"d\"\r\nhello\r\n0;z\r\n\r\n",
    "chunks_extensions_over_limit": CHUNKED + b"5;" + b"e" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "chunks_trailers": CHUNKED + b"1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n" + GET + END,
    "chunks_trailers_over_limit": CHUNKED + b"0\r\n" + b"a\r\n" * 40 + END,
    "chunks_trailer_folded": CHUNKED + b"0\r\nA: b\r\n c\r\n\r\n",
    "chunks_trailer_bare_lf": CHUNKED + b"0\r\nA: b\n\r\n",
    "chunks_at_limit": CHUNKED + b"40\r\n" + b"x" * 64 + b"\r\n0\r\n\r\n",
    "chunks_over_limit": CHUNKED + b"40\r\n" + b"x" * 64 + b"\r\n1\r\n",
    "chunk_size_huge": CHUNKED + b"ffffffffffffffff\r\n",
    "chunk_size_space": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "chunk_size_bare_lf": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "chunk_size_prefixed": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk_size_negative": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk_without_end": CHUNKED + b"5\r\nhello0\r\n\r\n",
    "chunk_too_long": CHUNKED + b"5\r\nhelloo\r\n0\r\n\r\n",
    "chunk_unfinished": CHUNKED + b"5\r\nhel",
    "chunk_ends_in_cr": CHUNKED + b"5\r\nhello\r",
    "last_chunk_bare_lf": CHUNKED + b"0\r\n\n",
    "coding_gzip": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "coding_gzip_chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding_chunked_gzip": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "coding_chunked_twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "coding_empty": POST + b"Transfer-Encoding:\r\n\r\n",
    "coding_list_with_gaps": POST + b"Transfer-Encoding: ,, Chunked,\r\n\r\n0\r\n\r\n",
    "coding_vertical_tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n",
    "coding_in_1_0": OLD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "old": OLD + END,
    "old_keep_alive": OLD + b"Connection: keep-alive\r\n\r\n" + OLD + END,
    "old_two_hosts": OLD + b"Host: a\r\nHost: a\r\n\r\n",
    "version_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "close": GET + b"Connection: close\r\n\r\n",
    "expect": POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    "expect_unknown": POST + b"Expect: more\r\nContent-Length: 2\r\n\r\nhi",
    "target_too_long": b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "head_too_long": GET + b"X: " + b"a" * 300 + END + END,
    "head_at_limit": GET + b"X: " + b"a" * (256 - len(GET) - 7) + END + END,
    "too_many_fields": GET + b"A: b\r\n" * 8 + END,
    "folded": GET + b"X: a\r\n b\r\n\r\n",
    "bare_lf": b"GET / HTTP/1.1\nHost: h\n\n",
    "empty_line_first": END + GET + END,
    "tls_client_hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nonsense_after_get": GET + END + b"\x00\x01\x02",
    "empty": b"",
}

FOLDER.mkdir(parents=True, exist_ok=True)
for number, (name, stream) in enumerate(STREAMS.items()):
    cut = (number * 37) % (len(stream) + 1)
    (FOLDER / name).write_bytes(cut.to_bytes(2, "big") + stream)
