// One pass over the fields for the two that frame, and token searches for the two that only ask.
#include "http/body_framing.h"

#include <algorithm>
#include <limits>

#include "http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::uint64_t kLengthMaximum = std::numeric_limits<std::uint64_t>::max();

// Digits and nothing else: no sign, no list, no white space inside. Saturates, so that any number of digits
// is the length it says or more than any limit.
bool parse_length(std::string_view text, std::uint64_t& length) {
  if (text.empty()) return false;
  length = 0;
  for (const char byte : text) {
    if (byte < '0' || byte > '9') return false;
    const auto digit = static_cast<std::uint64_t>(byte - '0');
    length = length > (kLengthMaximum - digit) / 10 ? kLengthMaximum : length * 10 + digit;
  }
  return true;
}

struct Codings {
  std::uint32_t chunked = 0;
  std::uint32_t others = 0;
  bool chunked_is_last = false;
};

void note_codings(std::string_view list, Codings& codings) {
  for_each_element(list, [&codings](std::string_view coding) {
    codings.chunked_is_last = equals_ignoring_case(coding, "chunked");
    ++(codings.chunked_is_last ? codings.chunked : codings.others);
    return true;
  });
}

Status judge_codings(const Codings& codings, Version version) {
  if (version == Version::http_1_0) return Status::bad_request;
  if (codings.chunked > 1 || codings.chunked + codings.others == 0) return Status::bad_request;
  if (codings.chunked == 1 && !codings.chunked_is_last) return Status::bad_request;
  return codings.others > 0 ? Status::not_implemented : Status::none;
}

Status read_expectation(const RequestHead& head, BodyFraming& framing) {
  if (head.version == Version::http_1_0) return Status::none;  // RFC 9110 10.1.1: to be ignored
  for (std::uint32_t i = 0; i < head.field_count; ++i) {
    if (!equals_ignoring_case(head.fields[i].name, "Expect")) continue;
    const bool known = for_each_element(head.fields[i].value, [&framing](std::string_view expectation) {
      framing.expects_continue = equals_ignoring_case(expectation, "100-continue");
      return framing.expects_continue;
    });
    if (!known) return Status::expectation_failed;
  }
  return Status::none;
}

}  // namespace

Status read_body_framing(const RequestHead& head, BodyFraming& framing) {
  framing = BodyFraming{};
  Codings codings;
  std::uint32_t lengths = 0;
  std::uint32_t coding_fields = 0;
  for (std::uint32_t i = 0; i < head.field_count; ++i) {
    const Field& field = head.fields[i];
    if (equals_ignoring_case(field.name, "Content-Length")) {
      std::uint64_t length = 0;
      if (!parse_length(field.value, length)) return Status::bad_request;
      if (++lengths > 1 && length != framing.length) return Status::bad_request;
      framing.length = length;
    } else if (equals_ignoring_case(field.name, "Transfer-Encoding")) {
      ++coding_fields;
      note_codings(field.value, codings);
    }
  }
  if (lengths > 0 && coding_fields > 0) return Status::bad_request;
  if (coding_fields > 0) {
    const Status status = judge_codings(codings, head.version);
    if (status != Status::none) return status;
    framing.chunked = true;
  }
  const bool close = has_token(head, "Connection", "close");
  const bool old = head.version == Version::http_1_0;
  framing.keep_alive = !close && (!old || has_token(head, "Connection", "keep-alive"));
  return read_expectation(head, framing);
}

}  // namespace holdfast::http
