// The opening handshake: a request head collected, judged, put to the handler, answered. After it the
// connection is open.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "shard/handshake_request.h"
#include "shard/shard.h"

namespace holdfast::shard {

using http::Status;
using memory::Index;
using memory::kNoIndex;
using net::State;

namespace {

constexpr std::size_t kResponseMaximumBytes = 8 * 1024;

std::string_view characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Complete, well-formed lines only; anything else is left out, because it would let a value smuggle in a
// field.
std::string valid_fields(std::string_view lines) {
  std::string valid;
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    if (end == std::string_view::npos) break;
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos &&
        http::valid_response_field(line.substr(0, colon), line.substr(colon + 2))) {
      valid.append(lines.substr(0, end + 2));
    }
    lines.remove_prefix(end + 2);
  }
  return valid;
}

// Well-formed, HTTP/1.0 included, and not meant to be a WebSocket.
bool is_plain_request(std::string_view text, http::RequestHead& head) {
  return http::parse_head(text, head, http::Version::http_1_0) == Status::none &&
         !http::has_token(head, "Upgrade", "websocket");
}

Status rejection_status(std::uint16_t wanted) {
  switch (wanted) {
    case 400:
      return Status::bad_request;
    case 401:
      return Status::unauthorized;
    case 404:
      return Status::not_found;
    case 429:
      return Status::too_many_requests;
    case 500:
      return Status::internal_error;
    case 503:
      return Status::unavailable;
    default:
      return Status::forbidden;
  }
}

}  // namespace

void Shard::handshake_input(Index index, std::span<std::byte> bytes) {
  net::Slot& slot = table_[index];
  CHECK(slot.protocol() != Protocol::length_prefixed);
  if (slot.protocol() == Protocol::http) {
    admit_unasked(index);
    return http_input(index, bytes);
  }
  if (slot.assembly == kNoIndex) {
    // Nearly always the whole head is in this one read.
    http::HeadScan scan;
    const http::ScanResult found = http::scan_head(scan, characters(bytes), limits_.head);
    if (found.outcome == http::ScanResult::Outcome::refused) return reject(index, found.refusal);
    if (found.outcome == http::ScanResult::Outcome::complete) {
      handshake_head(index, characters(bytes.first(found.head_bytes)));
      return behind_handshake(index, bytes, found.head_bytes);
    }
    slot.assembly = assemblies_.claim();
    if (slot.assembly == kNoIndex) return reject(index, Status::unavailable);
  }
  const std::size_t stored = assemblies_.stored(slot.assembly).size();
  const std::size_t taken = std::min(bytes.size(), limits_.head.head_bytes + 1 - stored);
  if (!assemblies_.append(slot.assembly, bytes.first(taken), limits_.head.head_bytes + 1)) {
    return reject(index, Status::unavailable);
  }
  const std::span<std::byte> head = assemblies_.stored(slot.assembly);
  const http::ScanResult found =
      http::scan_head(assemblies_.state_as<http::HeadScan>(slot.assembly), characters(head), limits_.head);
  if (found.outcome == http::ScanResult::Outcome::incomplete) return;
  if (found.outcome == http::ScanResult::Outcome::refused) return reject(index, found.refusal);
  // The assembly is set aside: from here on slot.assembly belongs to the WebSocket reader.
  Index collected = slot.assembly;
  slot.assembly = kNoIndex;
  handshake_head(index, characters(head.first(found.head_bytes)));
  behind_handshake(index, head, found.head_bytes);
  behind_handshake(index, bytes.subspan(taken), 0);
  assemblies_.release(collected);
}

// What a client sent right behind its request: frames. The handler that took a plain request gets all of it,
// head included.
void Shard::behind_handshake(Index index, std::span<std::byte> bytes, std::size_t head_bytes) {
  const net::Slot& slot = table_[index];
  if (slot.protocol() == Protocol::http) return http_input(index, bytes);
  bytes = bytes.subspan(head_bytes);
  const bool wanted = slot.state() == State::open || slot.state() == State::closing;
  if (!bytes.empty() && wanted) websocket_input(index, bytes);
}

void Shard::handshake_head(Index index, std::string_view text) {
  http::RequestHead head;
  Status status = http::parse_head(text, head);
  if (status == Status::none) status = http::check_upgrade(head);
  if (status != Status::none && is_plain_request(text, head)) {
    if (draining_ || stopping_) return reject(index, Status::unavailable);
    if (plain_request_decided(index, head)) return;
  }
  if (status == Status::none && !http::origin_allowed(head, limits_.origin)) status = Status::forbidden;
  if (status == Status::none && (draining_ || stopping_)) status = Status::unavailable;
  if (status != Status::none) return reject(index, status);
  admit(index, head);
}

void Shard::admit(Index index, const http::RequestHead& head) {
  std::string_view subprotocol = http::choose_subprotocol(head, config_.subprotocols);
  const HandshakeRequest request(Protocol::websocket, peer(index), head, subprotocol);
  const Admission admission = handler_->on_request(request);
  if (admission.reject_status != 0) return reject(index, rejection_status(admission.reject_status));
  if (admission.subprotocol.has_value()) {
    subprotocol = http::choose_subprotocol(head, std::span(&*admission.subprotocol, 1));
  }
  const std::string fields =
      admission.response_fields.empty() ? std::string() : valid_fields(admission.response_fields);

  std::array<char, http::AcceptKey::kLength> accept;
  accept_key_.compute(*head.find("Sec-WebSocket-Key"), accept);
  std::array<char, kResponseMaximumBytes> response;
  const std::size_t length = http::write_accept_response(response, accept, subprotocol, fields);
  if (length == 0) return reject(index, Status::internal_error);
  const Index frame = encode_raw({response.data(), length});
  if (frame == kNoIndex || !taken(enqueue(index, table_[index], frame))) return end(index);
  counters_.handshakes_completed.add();
  opened(index, admission.word);
}

// True when the handler decided about it.
bool Shard::plain_request_decided(Index index, const http::RequestHead& head) {
  const HandshakeRequest request(Protocol::http, peer(index), head, {});
  const std::optional<Admission> admission = handler_->on_plain_request(request);
  if (!admission.has_value()) return false;
  if (admission->reject_status != 0) {
    reject(index, rejection_status(admission->reject_status));
    return true;
  }
  counters_.handshakes_completed.add();
  table_[index].set_protocol(Protocol::http);
  opened(index, admission->word);
  return true;
}

// Length-prefixed and HTTP listeners: nothing has been asked for, or nothing that is understood here.
void Shard::admit_unasked(Index index) {
  const Protocol protocol = table_[index].protocol();
  const http::RequestHead nothing;
  const HandshakeRequest request(protocol, peer(index), nothing, {});
  const bool leaving = draining_ || stopping_;
  const Admission admission = leaving ? Admission::reject(503) : handler_->on_request(request);
  if (admission.reject_status != 0) {
    if (protocol == Protocol::http) return reject(index, rejection_status(admission.reject_status));
    counters_.handshakes_rejected.add();
    return end(index);
  }
  counters_.handshakes_completed.add();
  opened(index, admission.word);
}

void Shard::opened(Index index, std::uint64_t word) {
  net::Slot& slot = table_[index];
  CHECK(slot.assembly == kNoIndex);
  table_.to(index, State::open);
  slot.set(net::kOpened);
  slot.word = word;
  if (limits_.input_limited()) memory_.input_accounts[index] = net::InputAccount{};
  ++connections_open_;
  // As if quiet for a while: a new connection has its first moment within an interval, too (ping_due).
  slot.last_activity = now_;
  if (pinged(slot)) slot.last_activity -= limits_.ping_interval / Limits::kQuietShare;
  wheel_.cancel(index);
  schedule_open(index, slot);
  handler_->on_open(Connection(this, index, slot.generation));
}

void Shard::reject(Index index, Status status) {
  net::Slot& slot = table_[index];
  CHECK(slot.state() == State::handshaking);
  counters_.handshakes_rejected.add();
  if (slot.assembly != kNoIndex) {
    assemblies_.release(slot.assembly);
    slot.assembly = kNoIndex;
  }
  const Index frame = encode_raw(http::canned_response(status));
  if (frame == kNoIndex || !taken(enqueue(index, slot, frame))) return end(index);
  flush_then_end(index);
}

}  // namespace holdfast::shard
