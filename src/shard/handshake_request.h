// HandshakeRequest: a parsed request head as the Request a handler sees. Lives for one call of on_request or
// on_plain_request.
#pragma once

#include "holdfast/handler.h"
#include "http/request_head.h"

namespace holdfast::shard {

class HandshakeRequest final : public Request {
 public:
  HandshakeRequest(Protocol protocol, const PeerAddress& peer, const http::RequestHead& head,
                   std::string_view subprotocol)
      : protocol_(protocol), peer_(peer), head_(head), subprotocol_(subprotocol) {}

  Protocol protocol() const override { return protocol_; }
  PeerAddress peer() const override { return peer_; }
  std::string_view method() const override { return head_.method; }
  std::string_view target() const override { return head_.target; }
  std::string_view path() const override { return head_.path; }
  std::string_view query() const override { return head_.query; }
  std::optional<std::string_view> field(std::string_view name) const override { return head_.find(name); }
  std::string_view subprotocol() const override { return subprotocol_; }

 private:
  Protocol protocol_;
  PeerAddress peer_;
  const http::RequestHead& head_;
  std::string_view subprotocol_;
};

}  // namespace holdfast::shard
