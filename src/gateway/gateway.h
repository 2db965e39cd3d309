// Gateway: the Centrifugo client protocol on one shard: a holdfast::Handler for Server::create.
//
//   auto shared = SharedState::create(*make_snapshot(settings), make_http_side);
//   auto server = Server::create((*shared)->config,
//                                [&](std::uint32_t shard) { return std::make_unique<Gateway>(*shared, shard);
//                                });
//
// It hands what arrives to the parts that do the work: Sessions (clients and their commands), HomeDesk (the
// channels whose home is this shard), FanOut (publications to the subscribers of this shard), Operations
// (what applications ask), HttpSide (connections of Protocol::http). Shard thread only but where it says
// otherwise. The way of a publication: Sessions or Operations -> letter to the channel's home -> HomeDesk
// numbers it -> letters to the shards with subscribers -> FanOut.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/client.h"
#include "gateway/letters.h"
#include "gateway/operations.h"
#include "gateway/shared_state.h"
#include "holdfast/handler.h"

namespace holdfast::gateway {

class Gateway final : public Handler {
 public:
  Gateway(std::shared_ptr<SharedState> shared, std::uint32_t shard);
  ~Gateway() override;

  // What applications may ask, on any shard. From on_start to on_stop.
  Operations& operations();

  // Other settings from now on, for open connections too; each shard is to get the same. Channels whose
  // namespace is gone lose their subscribers (unsubscribe 2000).
  void reload(const Snapshot& snapshot);
  const Snapshot& snapshot() const;

  // Makes a connection of Protocol::http a session. The response's head has been sent, and with Framing of
  // a stream chunked transfer coding begun. `first` is what the client asked for: the frame that begins with
  // connect, or the ConnectRequest where it is unidirectional. From here on the gateway alone sends and
  // closes.
  void open_session(Connection connection, const Transport& transport, std::string_view first);
  // Has HttpSide::on_timer called once, as Handler::wake_at would; 0 cancels it.
  void wake_http_side_at(std::uint64_t time_ns);

  // From the other shards.
  void take(std::vector<Letter>& letters);

  // CHECKs what must hold between turns. For tests and simulations: linear in all that is there.
  void validate() const;

  std::uint32_t shard() const { return shard_; }
  // Any thread; of all shards.
  const SharedState& shared() const { return *shared_; }

  void on_start() override;
  void on_stop() override;
  Admission on_request(const Request& request) override;
  std::optional<Admission> on_plain_request(const Request& request) override;
  void on_open(Connection connection) override;
  void on_message(Connection connection, Message message) override;
  void on_drained(Connection connection) override;
  void on_drain(Connection connection) override;
  void on_close(Connection connection, Close close) override;
  void on_timer() override;

 private:
  struct Parts;
  bool is_session(Connection connection) const;

  std::shared_ptr<SharedState> shared_;
  std::uint32_t shard_;
  std::uint64_t http_side_wake_ns_ = 0;
  std::unique_ptr<Parts> parts_;  // before http_side_: that may use them to its end
  std::unique_ptr<HttpSide> http_side_;
};

}  // namespace holdfast::gateway
