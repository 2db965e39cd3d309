// HttpStream: its request, and the messages in what comes of it.
#include "http_stream.h"

#include "absl/strings/str_cat.h"
#include "codec.h"

namespace holdfast::sim {
namespace {

constexpr std::string_view kData = "data: ";

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    encoded += '%';
    encoded += kHex[value >> 4];
    encoded += kHex[value & 15];
  }
  return encoded;
}

}  // namespace

std::string stream_request(std::string_view path, StreamFraming framing, const std::string& body) {
  const bool protobuf = framing == StreamFraming::lengths;
  return absl::StrCat(
      "POST /connection/", std::string(path), " HTTP/1.1\r\nHost: sim.invalid\r\n",
      protobuf ? "Content-Type: application/octet-stream\r\n" : "Content-Type: application/json\r\n",
      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

std::string stream_query(std::string_view path, const std::string& body) {
  return absl::StrCat("GET /connection/", std::string(path), "?cf_connect=", percent_encoded(body),
                      " HTTP/1.1\r\nHost: sim.invalid\r\nAccept: text/event-stream\r\n\r\n");
}

std::size_t HttpStream::read(std::string_view bytes) {
  if (refused_ != 0) return bytes.size();
  if (!streaming_) return read_head(bytes);
  if (chunks_.ended() && !bytes.empty()) fail_("bytes behind the last chunk");
  const std::size_t taken = chunks_.read(bytes, body_);
  if (chunks_.broken()) fail_("no chunk: " + std::string(bytes.substr(0, 40)));
  return taken;
}

std::size_t HttpStream::read_head(std::string_view bytes) {
  const std::optional<HttpResponse> response = read_response_head(bytes);
  if (!response) return 0;
  if (response->status == 0) fail_("an answer that is not HTTP: " + std::string(bytes.substr(0, 80)));
  if (response->status != 200) {
    refused_ = response->status != 0 ? response->status : 1;
  } else {
    if (!response->chunked) fail_("a stream that is not chunked");
    streaming_ = true;
  }
  return response->head_bytes;
}

bool HttpStream::next(std::string& message) {
  const std::string_view end = framing_ == StreamFraming::events ? "\n\n" : "\n";
  std::size_t bytes = 0;
  if (framing_ == StreamFraming::lengths) {
    std::size_t length = 0;
    const std::size_t header = read_length(body_, length);
    bytes = header == 0 || body_.size() - header < length ? 0 : header + length;
  } else if (const std::size_t found = body_.find(end); found != std::string::npos) {
    bytes = found + end.size();
  }
  if (bytes == 0) return false;
  message = body_.substr(0, framing_ == StreamFraming::lengths ? bytes : bytes - end.size());
  body_.erase(0, bytes);
  if (framing_ != StreamFraming::events) return true;
  if (!message.starts_with(kData)) fail_("no event: " + message.substr(0, 40));
  message.erase(0, kData.size());
  return true;
}

}  // namespace holdfast::sim
