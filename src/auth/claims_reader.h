// ClaimsReader: the JSON of a token, its header or its payload, as values.
//
// Pure. A member that is not known here is skipped; one that is there twice, a known one of the wrong type,
// and JSON that is deeper than 32 levels make the token invalid.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "auth/claims.h"

namespace holdfast::auth {

// Of the header only what is compared with the keys: nothing in it is believed.
struct Header {
  std::string_view algorithm;
  std::optional<std::string_view> kid;
};

// Holds the memory for one JSON text at a time; views it gave out end with its next use. For one thread.
class ClaimsReader {
 public:
  // For texts of up to `bytes_maximum`.
  explicit ClaimsReader(std::size_t bytes_maximum);
  ~ClaimsReader();
  ClaimsReader(const ClaimsReader&) = delete;
  ClaimsReader& operator=(const ClaimsReader&) = delete;

  // Where to put a text before it is read.
  std::span<char> buffer();

  // Each reads the first `size` bytes of the buffer. Empty: all is well; otherwise what is wrong, a constant
  // sentence without any byte of the token.
  [[nodiscard]] std::string_view read(std::size_t size, Header& header);
  [[nodiscard]] std::string_view read(std::size_t size, ConnectionClaims& claims);
  [[nodiscard]] std::string_view read(std::size_t size, SubscriptionClaims& claims);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace holdfast::auth
