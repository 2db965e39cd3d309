#!/usr/bin/python3
"""Writes the corpus of the token fuzz target: one byte that says what the rest is, then the rest."""

import base64
import json
import pathlib

FOLDER = pathlib.Path(__file__).parent / "corpus" / "token"
HS256 = '{"alg":"HS256"}'
# The examples of RFC 7515, appendix A, and RFC 8037, appendix A.4.
PAYLOAD = ("eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
           "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ")
A1 = f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
A2 = (f"eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}."
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F"
      "p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB"
      "MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY"
      "I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")
A3 = (f"eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf"
      "KTUJqPP3-Kg6NU1Q")
ED25519 = ("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIb"
           "QR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
P256 = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
OCT = {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}
ED25519_DER = bytes.fromhex("302a300506032b6570032100") + base64.urlsafe_b64decode(OKP["x"] + "=")


def encode(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def raw(header, signature=""):
    return f"{encode(header)}.{PAYLOAD}.{signature}"


def pem(label, content):
    return f"-----BEGIN {label}-----\n{content}\n-----END {label}-----\n"


TOKENS = {
    "rfc7515_a1": A1,
    "rfc7515_a2": A2,
    "rfc7515_a3": A3,
    "rfc8037_a4": ED25519,
    "none": raw('{"alg":"none"}'),
    "none_signed": raw('{"alg":"NONE"}', "AAAA"),
    "rs256_as_hs256": A2.replace("eyJhbGciOiJSUzI1NiJ9", encode(HS256)),
    "es256_zero": raw('{"alg":"ES256"}', "A" * 86),
    "es256_r_only": A3[:-43],
    "es256_der": raw('{"alg":"ES256","kid":"a3"}', encode("0\x06\x02\x01\x01\x02\x01\x01")),
    "kid": raw('{"alg":"ES256","kid":"a3"}', A3.split(".")[2]),
    "kid_path": raw('{"alg":"HS256","kid":"../../dev/null"}', "AAAA"),
    "crit": raw('{"alg":"HS256","crit":["exp"]}', "AAAA"),
    "alg_twice": raw('{"alg":"none","alg":"HS256"}', "AAAA"),
    "alg_number": raw('{"alg":256}', "AAAA"),
    "padded": A1 + "=",
    "line_break": A1 + "\n",
    "trailing_bits": A1[:-1] + "l",
    "truncated": A1[:-1],
    "dots": "...",
    "four_parts": A1 + ".AAAA",
    "empty_parts": "..",
    "header_is_array": raw("[]", "AAAA"),
    "header_is_deep": raw("[" * 40, "AAAA"),
    "too_long": "A" * 4097,
}

PAYLOADS = {
    "empty": "{}",
    "connection": '{"sub":"42","exp":1400000000,"nbf":1200000000,"iat":1200000000.5,"jti":"x",'
                  '"aud":["a","b"],"iss":"i","info":{"name": "A"},"meta":[1],'
                  '"channels":["news"],"expire_at":0}',
    "subs": '{"sub":"u","subs":{"a":{},"b":{"info":1,"b64data":"AP8=","data":{"x":[]},"override":'
            '{"presence":{"value":true},"join_leave":{"value":false},"force_recovery":{"value":true}}}}}',
    "subscription": '{"sub":"42","channel":"$chat","exp":1400000000,"info":{"a":1},"b64data":"MQ==",'
                    '"client":"c","override":{"force_positioning":{"value":true}}}',
    "pretty": '{\n  "sub": "u",\n  "info": {\n    "a": [1,\r\n 2]\n  },\n  "meta": [\n  ]\n}',
    "b64info": '{"b64info":"eyJhIjoKMX0=","info":7}',
    "b64info_broken": '{"b64info":"eyJ"}',
    "b64info_binary": '{"b64info":"AP8="}',
    "expired": '{"exp":1299999999}',
    "not_yet_valid": '{"nbf":1300000001}',
    "exp_huge": '{"exp":1e300}',
    "exp_negative": '{"exp":-1e300,"expire_at":-0.5}',
    "exp_uint64": '{"exp":18446744073709551615}',
    "exp_too_big": '{"exp":18446744073709551616}',
    "exp_text": '{"exp":"1400000000"}',
    "sub_number": '{"sub":42}',
    "escapes": '{"\\u0073ub":"\\ud83d\\ude00\\"","info":"\\u000a"}',
    "twice": '{"sub":"a","\\u0073ub":"b"}',
    "channel_null": '{"channel":null}',
    "array": "[]",
    "two": "{}{}",
    "comma": '{"a":1,}',
    "unknown_broken": '{"x":{"y":]}}',
    "deep": '{"x":' + "[" * 40 + "]" * 40 + "}",
    "deep_info": '{"info":' + "[" * 25 + "]" * 25 + "}",
    "audience": '{"aud":"a","iss":"i","sub":"\xe4"}',
    "null_info": '{"info":null,"meta":null}',
}

SETS = {
    "p256": P256,
    "set": {"keys": [dict(P256, kid="a", alg="ES256", use="sig"), dict(OKP, kid="b"), dict(OCT, kid="c")]},
    "key_ops": {"keys": [dict(OCT, key_ops=["sign", "verify"]), dict(OCT, key_ops=["sign"])]},
    "encryption": {"keys": [dict(P256, use="enc")]},
    "private": dict(P256, d="AAAA"),
    "confused": dict(P256, alg="HS256"),
    "rsa_small": {"kty": "RSA", "n": "AAAA", "e": "AQAB"},
    "rsa_exponent_1": {"kty": "RSA", "n": "_" * 342, "e": "AQ"},
    "rsa_exponent_0": {"kty": "RSA", "n": "_" * 342, "e": "AA"},
    "off_curve": dict(P256, x=P256["y"]),
    "point_short": dict(P256, x="AAAA"),
    "same_kid": {"keys": [dict(OCT, kid="a"), dict(OCT, kid="a")]},
    "many": {"keys": [OCT] * 6},
    "not_objects": {"keys": [7, None]},
    "unknown": {"kty": "AKP"},
}

PEMS = {
    "ed25519": pem("PUBLIC KEY", base64.b64encode(ED25519_DER).decode()),
    "cut": pem("PUBLIC KEY", base64.b64encode(ED25519_DER[:-1]).decode()),
    "private": pem("PRIVATE KEY", "AAAA"),
    "certificate": pem("CERTIFICATE", "AAAA"),
    "empty": pem("PUBLIC KEY", ""),
    "encrypted": "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
                 "-----END PUBLIC KEY-----\n",
}

TEXTS = {
    "url": "-_-_",
    "standard": "+/+/",
    "padded": "Zg==",
    "unpadded": "Zg",
    "bits": "Zh",
    "length": "Z",
    "nul": "A\0",
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    groups = {
        "token": {name: "t" + text for name, text in TOKENS.items()},
        "claims": {name: f"c{HS256}\n{text}" for name, text in PAYLOADS.items()},
        "jwks": {name: "k" + json.dumps(content) for name, content in SETS.items()},
        "pem": {name: "p" + text for name, text in PEMS.items()},
        "base64": {name: "b" + text for name, text in TEXTS.items()},
    }
    for group, inputs in groups.items():
        for name, text in inputs.items():
            (FOLDER / f"{group}_{name}").write_bytes(text.encode("latin-1"))


if __name__ == "__main__":
    main()
