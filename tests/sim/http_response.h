// HttpResponse: responses as a client reads them off a stream of bytes, written apart from src/http. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::sim {

struct HttpResponse {
  std::uint16_t status = 0;
  std::optional<std::size_t> length;  // Content-Length
  bool chunked = false;
  bool closes = false;  // Connection: close
  std::size_t head_bytes = 0;

  bool has_body() const { return status != 204 && status >= 200; }
};

// The head at the front of the bytes; nothing when it is not there as a whole. A status of 0: it is none.
std::optional<HttpResponse> read_response_head(std::string_view bytes);

// Takes whole chunks from the front of the bytes and appends what is in them.
class ChunkReader {
 public:
  // How many bytes were taken.
  std::size_t read(std::string_view bytes, std::string& body);
  // The last chunk has been taken.
  bool ended() const { return ended_; }
  // What came is no chunk.
  bool broken() const { return broken_; }

 private:
  std::size_t read_chunk(std::string_view bytes, std::string& body);

  bool ended_ = false;
  bool broken_ = false;
};

}  // namespace holdfast::sim
