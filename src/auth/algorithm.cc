// The table behind auth/algorithm.h.
#include "auth/algorithm.h"

#include <algorithm>
#include <array>

namespace holdfast::auth {
namespace {

struct Row {
  Algorithm algorithm;
  std::string_view name;
  const char* digest;
  std::size_t signature_bytes;
};

constexpr std::array kRows = {
    Row{Algorithm::hs256, "HS256", "SHA256", 32},  Row{Algorithm::hs384, "HS384", "SHA384", 48},
    Row{Algorithm::hs512, "HS512", "SHA512", 64},  Row{Algorithm::rs256, "RS256", "SHA256", 0},
    Row{Algorithm::rs384, "RS384", "SHA384", 0},   Row{Algorithm::rs512, "RS512", "SHA512", 0},
    Row{Algorithm::es256, "ES256", "SHA256", 64},  Row{Algorithm::es384, "ES384", "SHA384", 96},
    Row{Algorithm::es512, "ES512", "SHA512", 132}, Row{Algorithm::eddsa, "EdDSA", nullptr, 64},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].algorithm) != i) return false;
  }
  return true;
}
static_assert(in_order(), "rows are found by the number of their algorithm");

const Row& row_of(Algorithm algorithm) {
  return kRows[static_cast<std::size_t>(algorithm)];
}

}  // namespace

std::optional<Algorithm> find_algorithm(std::string_view name) {
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [name](const Row& it) { return it.name == name; });
  if (row == kRows.end()) return std::nullopt;
  return row->algorithm;
}

std::string_view name_of(Algorithm algorithm) {
  return row_of(algorithm).name;
}

const char* digest_of(Algorithm algorithm) {
  return row_of(algorithm).digest;
}

std::size_t signature_bytes(Algorithm algorithm) {
  return row_of(algorithm).signature_bytes;
}

}  // namespace holdfast::auth
