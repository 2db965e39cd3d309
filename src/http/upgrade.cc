// The upgrade check and the 101 response. One pass over the fields collects what the check needs.
#define OPENSSL_SUPPRESS_DEPRECATED  // for SHA1_Init and its kin, see AcceptKey::compute
#include "http/upgrade.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace holdfast::http {
namespace {

constexpr std::string_view kUpgrade = "Upgrade";
constexpr std::string_view kConnection = "Connection";
constexpr std::string_view kKey = "Sec-WebSocket-Key";
constexpr std::string_view kVersion = "Sec-WebSocket-Version";
constexpr std::string_view kProtocol = "Sec-WebSocket-Protocol";
constexpr std::string_view kExtensions = "Sec-WebSocket-Extensions";
constexpr std::string_view kAccept = "Sec-WebSocket-Accept";
constexpr std::string_view kOrigin = "Origin";
constexpr std::string_view kContentLength = "Content-Length";
constexpr std::string_view kTransferEncoding = "Transfer-Encoding";

constexpr std::size_t kKeyBytes = 24;  // base64 of 16 bytes
constexpr std::string_view kKeyPadding = "==";
constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3

// What the fields of one name amount to.
struct Seen {
  std::uint32_t count = 0;
  std::string_view last;
  bool has_token = false;  // some element of some list is the token looked for
};

struct UpgradeFields {
  Seen upgrade, connection, key, version, protocol, origin, content_length, transfer_encoding;
};

void note(Seen& seen, const Field& field, std::string_view expected_name, std::string_view token = {}) {
  if (!equals_ignoring_case(field.name, expected_name)) return;
  ++seen.count;
  seen.last = field.value;
  if (token.empty() || seen.has_token) return;
  seen.has_token = !for_each_element(
      field.value, [token](std::string_view element) { return !equals_ignoring_case(element, token); });
}

// Names differ in length almost always, so a field costs one jump and at most two comparisons.
UpgradeFields collect(const RequestHead& request) {
  UpgradeFields seen;
  for (std::uint32_t i = 0; i < request.field_count; ++i) {
    const Field& field = request.fields[i];
    switch (field.name.size()) {
      case kOrigin.size():
        note(seen.origin, field, kOrigin);
        break;
      case kUpgrade.size():
        note(seen.upgrade, field, kUpgrade, "websocket");
        break;
      case kConnection.size():
        note(seen.connection, field, kConnection, "upgrade");
        break;
      case kContentLength.size():
        note(seen.content_length, field, kContentLength);
        break;
      case kKey.size():
        static_assert(kKey.size() == kTransferEncoding.size());
        note(seen.key, field, kKey);
        note(seen.transfer_encoding, field, kTransferEncoding);
        break;
      case kVersion.size():
        note(seen.version, field, kVersion);
        break;
      case kProtocol.size():
        note(seen.protocol, field, kProtocol);
        break;
      default:
        break;
    }
  }
  return seen;
}

bool valid_key(std::string_view key) {
  return key.size() == kKeyBytes && key.ends_with(kKeyPadding) &&
         all_of(key.substr(0, kKeyBytes - kKeyPadding.size()), kBase64Byte);
}

bool valid_subprotocols(const RequestHead& request) {
  std::array<std::string_view, kSubprotocolsMaximum> offered;
  std::uint32_t count = 0;
  bool valid = true;
  for_each_subprotocol(request, [&](std::string_view token) {
    if (!valid) return;
    const auto known_end = offered.begin() + count;
    valid = count < kSubprotocolsMaximum && is_token(token) &&
            std::find(offered.begin(), known_end, token) == known_end;
    if (valid) offered[count++] = token;
  });
  return valid && count > 0;
}

}  // namespace

Status check_upgrade(const RequestHead& request) {
  if (request.method != "GET") return Status::method_not_allowed;
  const UpgradeFields seen = collect(request);
  // What could make an intermediary see another request than we do comes first: a body, fields that count
  // once.
  if (seen.transfer_encoding.count > 0 || seen.content_length.count > 1) return Status::bad_request;
  if (seen.content_length.count == 1 && seen.content_length.last != "0") return Status::bad_request;
  if (seen.key.count > 1 || seen.version.count > 1 || seen.origin.count > 1) return Status::bad_request;
  if (!seen.upgrade.has_token || !seen.connection.has_token) return Status::upgrade_required;
  if (seen.version.count == 0 || seen.version.last != "13") return Status::upgrade_required;
  if (seen.key.count == 0 || !valid_key(seen.key.last)) return Status::bad_request;
  if (seen.protocol.count > 0 && !valid_subprotocols(request)) return Status::bad_request;
  return Status::none;
}

std::string_view choose_subprotocol(const RequestHead& request, std::span<const std::string> supported) {
  std::size_t best = supported.size();
  for_each_subprotocol(request, [&](std::string_view token) {
    const auto known = std::find(supported.begin(), supported.end(), token);
    best = std::min(best, static_cast<std::size_t>(known - supported.begin()));
  });
  return best < supported.size() ? std::string_view(supported[best]) : std::string_view();
}

// SHA-1 is called below EVP on purpose: in OpenSSL 3.0 EVP_DigestInit_ex allocates a new context on every
// call, also with a fetched EVP_MD and a reused EVP_MD_CTX, and so does EVP_MD_CTX_copy_ex. Here the context
// is on the stack.
void AcceptKey::compute(std::string_view key, std::span<char, kLength> accept) {
  CHECK(key.size() == kKeyBytes);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA_CTX sha1;
  CHECK(SHA1_Init(&sha1) == 1);
  CHECK(SHA1_Update(&sha1, key.data(), key.size()) == 1);
  CHECK(SHA1_Update(&sha1, kAcceptSuffix.data(), kAcceptSuffix.size()) == 1);
  CHECK(SHA1_Final(digest.data(), &sha1) == 1);
  std::array<unsigned char, kLength + 1> encoded;  // EVP_EncodeBlock adds a NUL
  CHECK(EVP_EncodeBlock(encoded.data(), digest.data(), SHA_DIGEST_LENGTH) == static_cast<int>(kLength));
  std::memcpy(accept.data(), encoded.data(), kLength);
}

bool valid_response_field(std::string_view name, std::string_view value) {
  constexpr std::array kOurs = {kUpgrade,    kConnection, kAccept,        kProtocol,
                                kExtensions, kVersion,    kContentLength, kTransferEncoding};
  if (!is_token(name) || has_control_byte(value)) return false;
  return std::none_of(kOurs.begin(), kOurs.end(),
                      [name](std::string_view ours) { return equals_ignoring_case(name, ours); });
}

std::size_t write_accept_response(std::span<char> into, std::span<const char, AcceptKey::kLength> accept,
                                  std::string_view subprotocol, std::string_view extra_fields) {
  const std::array<std::string_view, 7> parts = {
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: ",
      std::string_view(accept.data(), accept.size()),
      subprotocol.empty() ? "" : "\r\nSec-WebSocket-Protocol: ",
      subprotocol,
      "\r\n",
      extra_fields,
      "\r\n",
  };
  std::size_t length = 0;
  for (const std::string_view part : parts) length += part.size();
  if (length > into.size()) return 0;
  char* end = into.data();
  for (const std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
  CHECK(static_cast<std::size_t>(end - into.data()) == length);
  return length;
}

}  // namespace holdfast::http
