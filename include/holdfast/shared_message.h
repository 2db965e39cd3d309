// SharedMessage: a message encoded once on a shard and sent to many of its connections by reference.
//
// Made by Handler::share. Sending it costs a reference in the connection's outbox and no copy, whatever its
// size: what a publication costs for each subscriber. A small handle: copying or dropping it counts
// references, and the encoded bytes go when the last handle is gone and the last connection has sent them.
// It belongs to the shard that made it: it may be copied, sent and dropped on that shard's thread only, and
// none may be left when Handler::on_stop has returned. Both are checked, and end the process.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace holdfast {

namespace shard {
class Shard;
}

class SharedMessage {
 public:
  // Empty, as is what Handler::share returns when message memory is used up.
  SharedMessage() = default;
  SharedMessage(const SharedMessage& other);
  SharedMessage(SharedMessage&& other) noexcept
      : shard_(std::exchange(other.shard_, nullptr)),
        header_bytes_(other.header_bytes_),
        frames_(other.frames_) {}
  SharedMessage& operator=(SharedMessage other) noexcept {
    std::swap(shard_, other.shard_);
    std::swap(header_bytes_, other.header_bytes_);
    std::swap(frames_, other.frames_);
    return *this;
  }
  ~SharedMessage() {
    if (shard_ != nullptr) release();
  }

  explicit operator bool() const { return shard_ != nullptr; }

 private:
  friend class shard::Shard;
  void release();

  shard::Shard* shard_ = nullptr;
  std::uint32_t header_bytes_ = 0;  // of the WebSocket frame; the payload follows them
  // One for each Protocol. The WebSocket frame is there from the start, the others when first sent.
  mutable std::array<std::uint32_t, 3> frames_ = {};
};

}  // namespace holdfast
