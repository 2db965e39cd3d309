// The opening handshake as a table: each row is a request and the exact status it must end in, 101 included.
//
// Method: every row goes through scan, parse, upgrade check and Origin check (default policy: same origin)
// whole, byte by byte, and cut at random; the verdict must be the row's each time. 0 stands for "waits for
// more", which the deadline from accept ends; no other row may wait.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/entropy.h"
#include "http/request_head.h"
#include "http/upgrade.h"

namespace holdfast::http {
namespace {

constexpr int kSwitching = 101;
constexpr int kWaits = 0;

// clang-format off
#define LINE "GET /chat HTTP/1.1\r\n"
#define HOST "Host: example.com\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define FIELDS HOST UPGRADE CONNECTION KEY VERSION
#define VALID LINE FIELDS
#define NO_KEY LINE HOST UPGRADE CONNECTION VERSION
#define NO_VERSION LINE HOST UPGRADE CONNECTION KEY
#define NO_HOST LINE UPGRADE CONNECTION KEY VERSION
#define NO_UPGRADE LINE HOST CONNECTION KEY VERSION
#define NO_CONNECTION LINE HOST UPGRADE KEY VERSION
#define END "\r\n"
#define EIGHT_FIELDS "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\n"
#define FIFTY_NINE_FIELDS EIGHT_FIELDS EIGHT_FIELDS EIGHT_FIELDS EIGHT_FIELDS EIGHT_FIELDS EIGHT_FIELDS \
    EIGHT_FIELDS "I: 1\r\nJ: 2\r\nK: 3\r\n"
#define SIXTEEN_TOKENS(x) x "0," x "1," x "2," x "3," x "4," x "5," x "6," x "7," x "8," x "9," \
    x "a," x "b," x "c," x "d," x "e," x "f"

struct Row {
  template <std::size_t Length>
  constexpr Row(const char* row_name, const char (&row_request)[Length], int row_expected)
      : name(row_name), request(row_request, Length - 1), expected(row_expected) {}   // requests may hold NUL

  const char* name;
  std::string_view request;
  int expected;
};

constexpr Row kRows[] = {
    // Accepted.
    {"the smallest upgrade", VALID END, 101},
    {"a browser's upgrade",
     LINE "Host: example.com\r\nConnection: keep-alive, Upgrade\r\nPragma: no-cache\r\n"
     "Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" UPGRADE
     "Origin: https://example.com\r\n" VERSION "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\n"
     KEY "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" END, 101},
    {"the root path", "GET / HTTP/1.1\r\n" FIELDS END, 101},
    {"a path with a query", "GET /chat?room=1&x=%20y HTTP/1.1\r\n" FIELDS END, 101},
    {"an empty query", "GET /chat? HTTP/1.1\r\n" FIELDS END, 101},
    {"a query with question marks", "GET /?a?b HTTP/1.1\r\n" FIELDS END, 101},
    {"a path of two slashes", "GET // HTTP/1.1\r\n" FIELDS END, 101},
    {"visible ASCII that browsers leave as it is", "GET /a|b{c}[d]^`\\\"'<> HTTP/1.1\r\n" FIELDS END, 101},
    {"bytes after the head belong to the next protocol", VALID END "\x81\x80zzzz", 101},
    {"field names in lower case", LINE "host: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
     "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n" END, 101},
    {"field names in upper case", LINE "HOST: a\r\nUPGRADE: websocket\r\nCONNECTION: upgrade\r\n"
     "SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\nSEC-WEBSOCKET-VERSION: 13\r\n" END, 101},
    {"no space after the colon", LINE "Host:a\r\nUpgrade:websocket\r\nConnection:Upgrade\r\n"
     "Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version:13\r\n" END, 101},
    {"tabs and spaces around values",
     LINE "Host: \t a\t \r\nUpgrade:\twebsocket \r\nConnection:  Upgrade\t\r\n"
     "Sec-WebSocket-Key:  dGhlIHNhbXBsZSBub25jZQ==\t\r\nSec-WebSocket-Version: \t13 \r\n" END, 101},
    {"an empty value of an unknown field", VALID "X-Empty:\r\n" END, 101},
    {"a value of white space only", VALID "X-Empty: \t \r\n" END, 101},
    {"a tab within a value", VALID "X-Tab: a\tb\r\n" END, 101},
    {"bytes above 0x7f in a value", VALID "X-Name: Bj\xc3\xb6rn \xff\x80\r\n" END, 101},
    {"a colon within a value", VALID "X-Time: 12:00:00\r\n" END, 101},
    {"every token character in a name", VALID "!#$%&'*+-.^_`|~09azAZ: 1\r\n" END, 101},
    {"a name of one character", VALID "x: 1\r\n" END, 101},
    {"cookies", VALID "Cookie: a=b; c=d\r\nCookie: e=f\r\n" END, 101},
    {"64 fields", VALID FIFTY_NINE_FIELDS END, 101},
    {"65 fields", VALID FIFTY_NINE_FIELDS "L: 4\r\n" END, 431},
    {"65 fields, before the end is seen", VALID FIFTY_NINE_FIELDS "L: 4\r\n", 431},

    // Not finished: the deadline decides.
    {"nothing yet", "", kWaits},
    {"one byte", "G", kWaits},
    {"half a request line", "GET /ch", kWaits},
    {"a request line without its LF", "GET /chat HTTP/1.1\r", kWaits},
    {"a request line", LINE, kWaits},
    {"a CR that may still end the head", VALID "\r", kWaits},
    {"everything but the empty line", VALID, kWaits},

    // Request line.
    {"method in lower case", "get /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"method POST", "POST /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"method POST with a body", "POST /chat HTTP/1.1\r\n" FIELDS "Content-Length: 5\r\n" END "hello", 405},
    {"method HEAD", "HEAD /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"method PUT", "PUT /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"method DELETE", "DELETE /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"method OPTIONS with a path", "OPTIONS /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"method OPTIONS with an asterisk", "OPTIONS * HTTP/1.1\r\n" FIELDS END, 400},
    {"method CONNECT with an authority", "CONNECT example.com:80 HTTP/1.1\r\n" FIELDS END, 400},
    {"an unknown method", "BREW /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"a method longer than GET", "GETT /chat HTTP/1.1\r\n" FIELDS END, 405},
    {"a method that is no token", "GE(T /chat HTTP/1.1\r\n" FIELDS END, 400},
    {"no method", " /chat HTTP/1.1\r\n" FIELDS END, 400},
    {"white space before the method", " GET /chat HTTP/1.1\r\n" FIELDS END, 400},
    {"an empty line before the request", "\r\n" VALID END, 400},
    {"a bare LF before the request", "\n" VALID END, 400},
    {"a TLS client hello", "\x16\x03\x01\x02", 400},
    {"a NUL first", "\0" VALID END, 400},
    {"a length-prefixed message", "\0\0\0\x05hello", 400},
    {"a byte above 0x7f first", "\xff", 400},
    {"an absolute target", "GET http://example.com/chat HTTP/1.1\r\n" FIELDS END, 400},
    {"an absolute target of another host", "GET http://other.example/chat HTTP/1.1\r\n" FIELDS END, 400},
    {"a target with the scheme ws", "GET ws://example.com/chat HTTP/1.1\r\n" FIELDS END, 400},
    {"an asterisk as target", "GET * HTTP/1.1\r\n" FIELDS END, 400},
    {"an authority as target", "GET example.com:80 HTTP/1.1\r\n" FIELDS END, 400},
    {"a target without a slash", "GET chat HTTP/1.1\r\n" FIELDS END, 400},
    {"a query alone as target", "GET ?a=b HTTP/1.1\r\n" FIELDS END, 400},
    {"a fragment in the target", "GET /chat#top HTTP/1.1\r\n" FIELDS END, 400},
    {"an empty target", "GET  HTTP/1.1\r\n" FIELDS END, 400},
    {"no target", "GET HTTP/1.1\r\n" FIELDS END, 400},
    {"a space within the target", "GET /ch at HTTP/1.1\r\n" FIELDS END, 400},
    {"a tab within the target", "GET /ch\tat HTTP/1.1\r\n" FIELDS END, 400},
    {"a NUL within the target", "GET /ch\0at HTTP/1.1\r\n" FIELDS END, 400},
    {"a DEL within the target", "GET /ch\x7f HTTP/1.1\r\n" FIELDS END, 400},
    {"bytes above 0x7f in the target", "GET /ch\xc3\xa4t HTTP/1.1\r\n" FIELDS END, 400},
    {"two spaces after the method", "GET  /chat HTTP/1.1\r\n" FIELDS END, 400},
    {"two spaces before the version", "GET /chat  HTTP/1.1\r\n" FIELDS END, 400},
    {"a tab after the method", "GET\t/chat HTTP/1.1\r\n" FIELDS END, 400},
    {"a tab before the version", "GET /chat\tHTTP/1.1\r\n" FIELDS END, 400},
    {"a space after the version", "GET /chat HTTP/1.1 \r\n" FIELDS END, 400},
    {"no version", "GET /chat\r\n" FIELDS END, 400},
    {"an empty version", "GET /chat \r\n" FIELDS END, 400},
    {"version 1.0", "GET /chat HTTP/1.0\r\n" FIELDS END, 505},
    {"version 0.9 spelled out", "GET /chat HTTP/0.9\r\n" FIELDS END, 505},
    {"version 1.2", "GET /chat HTTP/1.2\r\n" FIELDS END, 505},
    {"version 2.0", "GET /chat HTTP/2.0\r\n" FIELDS END, 505},
    {"version 9.9", "GET /chat HTTP/9.9\r\n" FIELDS END, 505},
    {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"a version without a minor number", "GET /chat HTTP/1\r\n" FIELDS END, 400},
    {"a version with two digits", "GET /chat HTTP/1.10\r\n" FIELDS END, 400},
    {"a version with leading zero", "GET /chat HTTP/01.1\r\n" FIELDS END, 400},
    {"a version with a comma", "GET /chat HTTP/1,1\r\n" FIELDS END, 400},
    {"a version in lower case", "GET /chat http/1.1\r\n" FIELDS END, 400},
    {"another protocol", "GET /chat HTTPS/1.1\r\n" FIELDS END, 400},
    {"a version of letters", "GET /chat HTTP/a.b\r\n" FIELDS END, 400},
    {"a request line and nothing else", LINE END, 400},

    // Line ends.
    {"bare LF after the request line", "GET /chat HTTP/1.1\n" FIELDS END, 400},
    {"bare LF at once", "GET /chat HTTP/1.1\n", 400},
    {"bare LF after a field", LINE "Host: example.com\n", 400},
    {"bare LF as the empty line", VALID "\n", 400},
    {"bare LF within a value", LINE "Host: exam\nple.com\r\n", 400},
    {"bare CR in the request line", "GET /chat\r HTTP/1.1\r\n" FIELDS END, 400},
    {"bare CR at once", "GET /chat\rH", 400},
    {"bare CR within a value", VALID "X: a\rb\r\n" END, 400},
    {"bare CR within a name", VALID "X\rY: a\r\n" END, 400},
    {"CR CR LF after a field", VALID "X: a\r\r\n" END, 400},
    {"CR CR LF as the empty line", VALID "\r\r\n", 400},
    {"bare CR as the empty line", VALID "\rX", 400},
    {"LF CR after a field", VALID "X: a\n\r", 400},

    // Fields.
    {"a folded line", VALID "X: a\r\n b\r\n" END, 400},
    {"a line folded with a tab", VALID "X: a\r\n\tb\r\n" END, 400},
    {"a folded line, as soon as it starts", VALID "X: a\r\n ", 400},
    {"a folded line after the request line", LINE " Host: example.com\r\n", 400},
    {"a line of white space only", VALID " \r\n" END, 400},
    {"a space before the colon", LINE "Host : example.com\r\n" UPGRADE CONNECTION KEY VERSION END, 400},
    {"a tab before the colon", VALID "X\t: a\r\n" END, 400},
    {"a name without a colon", VALID "X\r\n" END, 400},
    {"a name of two words", VALID "X Y: a\r\n" END, 400},
    {"an empty name", VALID ": a\r\n" END, 400},
    {"a parenthesis in a name", VALID "X(Y): a\r\n" END, 400},
    {"a slash in a name", VALID "X/Y: a\r\n" END, 400},
    {"a quote in a name", VALID "\"X\": a\r\n" END, 400},
    {"a byte above 0x7f in a name", VALID "X\xc3\xa4: a\r\n" END, 400},
    {"a NUL in a name", VALID "X\0Y: a\r\n" END, 400},
    {"a NUL in a value", VALID "X: a\0b\r\n" END, 400},
    {"a control character in a value", VALID "X: a\x01" "b\r\n" END, 400},
    {"an escape in a value", VALID "X: \x1b[2J\r\n" END, 400},
    {"a DEL in a value", VALID "X: a\x7f" "b\r\n" END, 400},
    {"a vertical tab in a value", VALID "X: a\vb\r\n" END, 400},

    // Host.
    {"no Host", NO_HOST END, 400},
    {"an empty Host", NO_HOST "Host:\r\n" END, 400},
    {"a Host of white space", NO_HOST "Host:  \r\n" END, 400},
    {"two Hosts", VALID "Host: other.example\r\n" END, 400},
    {"two equal Hosts", VALID HOST END, 400},
    {"two Hosts, other case", VALID "hOST: example.com\r\n" END, 400},
    {"a Host of two words", NO_HOST "Host: a b\r\n" END, 400},
    {"a Host list", NO_HOST "Host: a,b\r\n" END, 400},
    {"a Host with a path", NO_HOST "Host: a/b\r\n" END, 400},
    {"a Host with a user name", NO_HOST "Host: user@a\r\n" END, 400},
    {"a Host beyond ASCII", NO_HOST "Host: ex\xd0\xb0mple.com\r\n" END, 400},
    {"a Host with a port", NO_HOST "Host: example.com:8000\r\n" END, 101},
    {"a Host that is an IPv4 address", NO_HOST "Host: 127.0.0.1:8000\r\n" END, 101},
    {"a Host that is an IPv6 address", NO_HOST "Host: [::1]:8000\r\n" END, 101},
    {"Host as the last field", NO_HOST HOST END, 101},

    // Upgrade and Connection.
    {"a plain request", LINE HOST END, 426},
    {"no Upgrade", NO_UPGRADE END, 426},
    {"an empty Upgrade", NO_UPGRADE "Upgrade:\r\n" END, 426},
    {"Upgrade to h2c", NO_UPGRADE "Upgrade: h2c\r\n" END, 426},
    {"Upgrade to h2c or websocket", NO_UPGRADE "Upgrade: h2c, websocket\r\n" END, 101},
    {"Upgrade in two fields", NO_UPGRADE "Upgrade: h2c\r\n" UPGRADE END, 101},
    {"Upgrade in mixed case", NO_UPGRADE "Upgrade: WebSocket\r\n" END, 101},
    {"Upgrade with a version", NO_UPGRADE "Upgrade: websocket/13\r\n" END, 426},
    {"Upgrade to something longer", NO_UPGRADE "Upgrade: websockets\r\n" END, 426},
    {"Upgrade to something shorter", NO_UPGRADE "Upgrade: websocke\r\n" END, 426},
    {"Upgrade of two words", NO_UPGRADE "Upgrade: websocket now\r\n" END, 426},
    {"Upgrade in quotes", NO_UPGRADE "Upgrade: \"websocket\"\r\n" END, 426},
    {"no Connection", NO_CONNECTION END, 426},
    {"an empty Connection", NO_CONNECTION "Connection:\r\n" END, 426},
    {"Connection close", NO_CONNECTION "Connection: close\r\n" END, 426},
    {"Connection keep-alive", NO_CONNECTION "Connection: keep-alive\r\n" END, 426},
    {"Connection keep-alive and upgrade", NO_CONNECTION "Connection: keep-alive, Upgrade\r\n" END, 101},
    {"Connection without spaces", NO_CONNECTION "Connection: keep-alive,upgrade\r\n" END, 101},
    {"Connection with empty elements", NO_CONNECTION "Connection: ,, \t, UPGRADE ,\r\n" END, 101},
    {"Connection in two fields", NO_CONNECTION "Connection: keep-alive\r\nConnection: upgrade\r\n" END, 101},
    {"Connection of something longer", NO_CONNECTION "Connection: upgraded\r\n" END, 426},
    {"Connection with a semicolon", NO_CONNECTION "Connection: upgrade; x\r\n" END, 426},
    {"Upgrade alone, the proxy took Connection", LINE HOST UPGRADE END, 426},

    // Sec-WebSocket-Version.
    {"no version field", NO_VERSION END, 426},
    {"version 8", NO_VERSION "Sec-WebSocket-Version: 8\r\n" END, 426},
    {"version 0", NO_VERSION "Sec-WebSocket-Version: 0\r\n" END, 426},
    {"version 14", NO_VERSION "Sec-WebSocket-Version: 14\r\n" END, 426},
    {"version 013", NO_VERSION "Sec-WebSocket-Version: 013\r\n" END, 426},
    {"version 130", NO_VERSION "Sec-WebSocket-Version: 130\r\n" END, 426},
    {"version 1 3", NO_VERSION "Sec-WebSocket-Version: 1 3\r\n" END, 426},
    {"a version list", NO_VERSION "Sec-WebSocket-Version: 13, 8\r\n" END, 426},
    {"an empty version field", NO_VERSION "Sec-WebSocket-Version:\r\n" END, 426},
    {"a version of letters in its field", NO_VERSION "Sec-WebSocket-Version: thirteen\r\n" END, 426},
    {"two versions", VALID "Sec-WebSocket-Version: 8\r\n" END, 400},
    {"two equal versions", VALID VERSION END, 400},
    {"another version with a broken key", LINE HOST UPGRADE CONNECTION
     "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n" END, 426},

    // Sec-WebSocket-Key.
    {"no key", NO_KEY END, 400},
    {"an empty key", NO_KEY "Sec-WebSocket-Key:\r\n" END, 400},
    {"two keys", VALID "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n" END, 400},
    {"two equal keys", VALID KEY END, 400},
    {"a key of 15 bytes", NO_KEY "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4P\r\n" END, 400},
    {"a key of 17 bytes", NO_KEY "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEBE=\r\n" END, 400},
    {"a key of 23 characters", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" END, 400},
    {"a key of 25 characters", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n" END, 400},
    {"a key without padding", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n" END, 400},
    {"a key padded inside", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBs=SBub25jZQ==\r\n" END, 400},
    {"a key with three pads", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n" END, 400},
    {"a key of the URL alphabet", NO_KEY "Sec-WebSocket-Key: -_hlIHNhbXBsZSBub25jZQ==\r\n" END, 400},
    {"a key with a space", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBs SBub25jZQ==\r\n" END, 400},
    {"a key with a comma", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBs,SBub25jZQ==\r\n" END, 400},
    {"a key beyond ASCII", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXB\xc3\xa4SBub25jZQ==\r\n" END, 400},
    {"a key of plus and slash", NO_KEY "Sec-WebSocket-Key: ++++////++++////++++/w==\r\n" END, 101},
    {"a key with unused bits set", NO_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" END, 101},

    // A body, and what could be read as one.
    {"Content-Length 0", VALID "Content-Length: 0\r\n" END, 101},
    {"Content-Length 5", VALID "Content-Length: 5\r\n" END "hello", 400},
    {"Content-Length below zero", VALID "Content-Length: -1\r\n" END, 400},
    {"Content-Length +0", VALID "Content-Length: +0\r\n" END, 400},
    {"Content-Length 00", VALID "Content-Length: 00\r\n" END, 400},
    {"Content-Length 0, 0", VALID "Content-Length: 0, 0\r\n" END, 400},
    {"an empty Content-Length", VALID "Content-Length:\r\n" END, 400},
    {"Content-Length twice", VALID "Content-Length: 0\r\nContent-Length: 0\r\n" END, 400},
    {"Content-Length 2^64", VALID "Content-Length: 18446744073709551616\r\n" END, 400},
    {"Transfer-Encoding chunked", VALID "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n", 400},
    {"Transfer-Encoding identity", VALID "Transfer-Encoding: identity\r\n" END, 400},
    {"an empty Transfer-Encoding", VALID "Transfer-Encoding:\r\n" END, 400},
    {"Transfer-Encoding and Content-Length",
     VALID "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END, 400},
    {"a plain request with a body", LINE HOST "Content-Length: 5\r\n" END "hello", 400},

    // Sec-WebSocket-Protocol.
    {"one subprotocol", VALID "Sec-WebSocket-Protocol: chat\r\n" END, 101},
    {"two subprotocols", VALID "Sec-WebSocket-Protocol: chat, superchat\r\n" END, 101},
    {"subprotocols in two fields",
     VALID "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n" END, 101},
    {"subprotocols that differ in case", VALID "Sec-WebSocket-Protocol: chat, Chat\r\n" END, 101},
    {"an empty element among subprotocols", VALID "Sec-WebSocket-Protocol: a,,b\r\n" END, 101},
    {"an empty subprotocol field", VALID "Sec-WebSocket-Protocol:\r\n" END, 400},
    {"subprotocols of commas only", VALID "Sec-WebSocket-Protocol: , ,\r\n" END, 400},
    {"a subprotocol twice", VALID "Sec-WebSocket-Protocol: a, b, a\r\n" END, 400},
    {"a subprotocol twice in two fields",
     VALID "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n" END, 400},
    {"a subprotocol of two words", VALID "Sec-WebSocket-Protocol: my chat\r\n" END, 400},
    {"a subprotocol with a slash", VALID "Sec-WebSocket-Protocol: chat/1\r\n" END, 400},
    {"a subprotocol beyond ASCII", VALID "Sec-WebSocket-Protocol: ch\xc3\xa4t\r\n" END, 400},
    {"32 subprotocols",
     VALID "Sec-WebSocket-Protocol: " SIXTEEN_TOKENS("a") "," SIXTEEN_TOKENS("b") "\r\n" END, 101},
    {"33 subprotocols",
     VALID "Sec-WebSocket-Protocol: " SIXTEEN_TOKENS("a") "," SIXTEEN_TOKENS("b") ",c\r\n" END, 400},

    // Origin, under the default policy: the same host and port, or none.
    {"the same origin", VALID "Origin: http://example.com\r\n" END, 101},
    {"the same origin over TLS", VALID "Origin: https://example.com\r\n" END, 101},
    {"the same origin in capitals", VALID "Origin: HTTP://EXAMPLE.COM\r\n" END, 101},
    {"another origin", VALID "Origin: https://evil.example\r\n" END, 403},
    {"an origin that starts the same", VALID "Origin: https://example.com.evil.example\r\n" END, 403},
    {"an origin that ends the same", VALID "Origin: https://notexample.com\r\n" END, 403},
    {"a subdomain as origin", VALID "Origin: https://www.example.com\r\n" END, 403},
    {"another port as origin", VALID "Origin: http://example.com:8080\r\n" END, 403},
    {"the origin null", VALID "Origin: null\r\n" END, 403},
    {"an empty origin", VALID "Origin:\r\n" END, 403},
    {"an origin with a homoglyph", VALID "Origin: https://ex\xd0\xb0mple.com\r\n" END, 403},
    {"an origin with a user name", VALID "Origin: https://example.com@evil.example\r\n" END, 403},
    {"an origin with a path", VALID "Origin: https://example.com/\r\n" END, 403},
    {"two origins in one field", VALID "Origin: http://example.com http://example.com\r\n" END, 403},
    {"two origin fields", VALID "Origin: http://example.com\r\nOrigin: http://example.com\r\n" END, 400},
};
// clang-format on

static_assert(std::size(kRows) >= 150);

// Feeds a request in pieces to the code a connection runs, and stops where the connection would.
class Handshake {
 public:
  // False once there is a verdict.
  bool feed(std::string_view piece) {
    so_far_.append(piece);
    const ScanResult scanned = scan_head(scan_, so_far_, limits_);
    if (scanned.outcome == ScanResult::Outcome::incomplete) return true;
    verdict_ = scanned.outcome == ScanResult::Outcome::refused ? static_cast<int>(scanned.refusal)
                                                               : judge(scanned.head_bytes);
    return false;
  }
  int verdict() const { return verdict_; }

 private:
  int judge(std::uint32_t head_bytes) const {
    RequestHead request;
    // A copy of the exact size: a sanitizer sees a read past the head.
    const std::vector<char> head(so_far_.begin(), so_far_.begin() + head_bytes);
    if (const Status status = parse_head({head.data(), head.size()}, request); status != Status::none) {
      return static_cast<int>(status);
    }
    if (const Status status = check_upgrade(request); status != Status::none) return static_cast<int>(status);
    return origin_allowed(request, {}) ? kSwitching : static_cast<int>(Status::forbidden);
  }

  HeadLimits limits_;
  HeadScan scan_;
  std::string so_far_;
  int verdict_ = kWaits;
};

TEST(HandshakeTable, GivesEachRowItsStatusWhenTheRequestArrivesWhole) {
  for (const Row& row : kRows) {
    Handshake handshake;
    handshake.feed(row.request);
    EXPECT_EQ(handshake.verdict(), row.expected) << row.name;
  }
}

TEST(HandshakeTable, GivesEachRowItsStatusWhenTheRequestArrivesByteByByte) {
  for (const Row& row : kRows) {
    Handshake handshake;
    for (std::size_t i = 0; i < row.request.size() && handshake.feed(row.request.substr(i, 1)); ++i) continue;
    EXPECT_EQ(handshake.verdict(), row.expected) << row.name;
  }
}

TEST(HandshakeTable, GivesEachRowItsStatusHoweverTheRequestIsCut) {
  base::Random random(20240817);
  for (const Row& row : kRows) {
    for (int round = 0; round < 50; ++round) {
      Handshake handshake;
      std::string_view rest = row.request;
      bool waiting = true;
      while (waiting && !rest.empty()) {
        const std::size_t piece = 1 + random.below(round % 2 == 0 ? 7 : rest.size());
        waiting = handshake.feed(rest.substr(0, piece));
        rest.remove_prefix(std::min(piece, rest.size()));
      }
      ASSERT_EQ(handshake.verdict(), row.expected) << row.name;
    }
  }
}

TEST(HandshakeTable, NamesEachRowOnce) {
  std::set<std::string_view> names;
  for (const Row& row : kRows) EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

}  // namespace
}  // namespace holdfast::http
