// How the end of a request's body is found: what Content-Length, Transfer-Encoding, Connection and Expect of
// a head amount to. Pure.
//
// Source: RFC 9112 sections 6.1, 6.3 and 9.3. Everything that two implementations could read in two ways is
// refused, because that is what request smuggling is made of.
#pragma once

#include <cstdint>

#include "http/request_head.h"
#include "http/status.h"

namespace holdfast::http {

struct BodyFraming {
  std::uint64_t length = 0;  // when not chunked; saturated
  bool chunked = false;
  bool keep_alive = false;
  bool expects_continue = false;
};

// Status::none, or what to answer: 400 for a length that is none, several that differ, a length next to a
// coding, chunked not last or twice, or codings in HTTP/1.0; 501 for codings other than chunked; 417 for an
// expectation other than 100-continue.
Status read_body_framing(const RequestHead& head, BodyFraming& framing);

}  // namespace holdfast::http
