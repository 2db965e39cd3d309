// The table of all keys, with the range of each. Defaults stand in settings.h.
//
// What the core or the kernel is told at start-up needs a restart; what the gateway looks up in its snapshot
// can be reloaded.
#include "gateway/settings_keys.h"

namespace holdfast::gateway {
namespace {

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
// Deadlines are kept in ticks of 100 ms, compared over half of 32 bits: 6.8 years.
constexpr std::uint64_t kLongest = 5 * 365 * kDay;
constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::uint64_t kTextMaximum = 4096;
constexpr std::uint32_t kRingsMaximum = 256;
constexpr std::uint32_t kConnectionsMaximum = kRingsMaximum * 65'536;

constexpr Key<ServerSettings> kServerKeys[] = {
    {"listen", &ServerSettings::listen, Change::restart, 0, 64},
    {"listen_api", &ServerSettings::listen_api, Change::restart, 0, 64},
    {"shards", &ServerSettings::shards, Change::restart, 1, kRingsMaximum, true},
    {"max_connections", &ServerSettings::max_connections, Change::restart, 1, kConnectionsMaximum},
    {"max_connections_per_address", &ServerSettings::max_connections_per_address, Change::restart, 1,
     kConnectionsMaximum, true},
    {"max_accepts_per_second", &ServerSettings::max_accepts_per_second, Change::restart, 1, 100'000'000,
     true},
    {"allowed_origins", &ServerSettings::allowed_origins, Change::restart, 0, 1024},
    {"allow_missing_origin", &ServerSettings::allow_missing_origin, Change::restart},
    {"drain_timeout", &ServerSettings::drain_timeout, Change::restart, kSecond, kHour},
};

constexpr Key<ClientSettings> kClientKeys[] = {
    {"allow_anonymous", &ClientSettings::allow_anonymous, Change::reload},
    {"ping_interval", &ClientSettings::ping_interval, Change::reload, kSecond, kHour, true},
    {"pong_timeout", &ClientSettings::pong_timeout, Change::reload, kSecond, kHour, true},
    {"connect_timeout", &ClientSettings::connect_timeout, Change::reload, kSecond, kHour},
    {"expired_grace", &ClientSettings::expired_grace, Change::reload, 0, kDay},
    {"position_check_interval", &ClientSettings::position_check_interval, Change::reload, kSecond, kDay,
     true},
    {"max_channels", &ClientSettings::max_channels, Change::reload, 1, 10'000},
    // A topic of the core has at most 255 bytes.
    {"max_channel_bytes", &ClientSettings::max_channel_bytes, Change::reload, 1, 255},
    {"max_message_bytes", &ClientSettings::max_message_bytes, Change::restart, kKiB, 64 * kMiB},
    {"max_outbox_bytes", &ClientSettings::max_outbox_bytes, Change::restart, 16 * kKiB, kGiB},
    {"max_outbox_messages", &ClientSettings::max_outbox_messages, Change::restart, 16, 10'000'000, true},
    {"stall_timeout", &ClientSettings::stall_timeout, Change::restart, kSecond, kHour},
    {"max_connections_per_user", &ClientSettings::max_connections_per_user, Change::reload, 1,
     kConnectionsMaximum, true},
    {"max_messages_per_second", &ClientSettings::max_messages_per_second, Change::restart, 1, 100'000'000,
     true},
    {"max_bytes_per_second", &ClientSettings::max_bytes_per_second, Change::restart, kKiB, 2 * kGiB, true},
    {"personal_channel", &ClientSettings::personal_channel, Change::reload},
    {"personal_namespace", &ClientSettings::personal_namespace, Change::reload, 0, 64},
    {"rpc_echo", &ClientSettings::rpc_echo, Change::reload},
    {"discard_send", &ClientSettings::discard_send, Change::reload},
};

constexpr Key<TokenSettings> kTokenKeys[] = {
    // Short secrets are taken, with a remark by those who make keys of them (auth/keys.h).
    {"hmac_secret", &TokenSettings::hmac_secret, Change::reload, 1, kTextMaximum},
    {"hmac_previous_secret", &TokenSettings::hmac_previous_secret, Change::reload, 1, kTextMaximum},
    {"public_key_files", &TokenSettings::public_key_files, Change::reload, 0, 64},
    {"jwks_file", &TokenSettings::jwks_file, Change::reload},
    {"audience", &TokenSettings::audience, Change::reload, 0, kTextMaximum},
    {"issuer", &TokenSettings::issuer, Change::reload, 0, kTextMaximum},
};

constexpr Key<ApiSettings> kApiKeys[] = {
    {"key", &ApiSettings::key, Change::reload, 16, kTextMaximum},
    {"previous_key", &ApiSettings::previous_key, Change::reload, 16, kTextMaximum},
    {"max_body_bytes", &ApiSettings::max_body_bytes, Change::reload, 4 * kKiB, kGiB},
};

constexpr Key<HistorySettings> kHistoryKeys[] = {
    {"max_publications", &HistorySettings::max_publications, Change::reload, 1, 100'000},
    {"max_answer_bytes", &HistorySettings::max_answer_bytes, Change::reload, kKiB, kGiB},
    {"meta_ttl", &HistorySettings::meta_ttl, Change::reload, kMinute, kLongest},
    {"idempotency_window", &HistorySettings::idempotency_window, Change::reload, kSecond, kDay},
};

constexpr Key<MemorySettings> kMemoryKeys[] = {
    {"message_memory_bytes", &MemorySettings::message_memory_bytes, Change::restart, 4 * kMiB, 4096 * kGiB,
     true},
    {"publication_memory_bytes", &MemorySettings::publication_memory_bytes, Change::reload, kMiB,
     4096 * kGiB},
    {"presence_memory_bytes", &MemorySettings::presence_memory_bytes, Change::restart, kMiB, 4096 * kGiB},
    {"max_channels", &MemorySettings::max_channels, Change::restart, 1, 100'000'000},
    {"max_subscriptions", &MemorySettings::max_subscriptions, Change::restart, 1, 1'000'000'000, true},
    {"max_idempotency_results", &MemorySettings::max_idempotency_results, Change::restart, 1, 100'000'000},
};

constexpr Key<ChannelRules> kChannelKeys[] = {
    {"history_size", &ChannelRules::history_size, Change::reload, 0, 1'000'000},
    {"history_ttl", &ChannelRules::history_ttl, Change::reload, kSecond, kLongest, true},
    {"recovery", &ChannelRules::recovery, Change::reload},
    {"force_recovery", &ChannelRules::force_recovery, Change::reload},
    {"force_positioning", &ChannelRules::force_positioning, Change::reload},
    {"presence", &ChannelRules::presence, Change::reload},
    {"join_leave", &ChannelRules::join_leave, Change::reload},
    {"force_push_join_leave", &ChannelRules::force_push_join_leave, Change::reload},
    {"delta", &ChannelRules::delta, Change::reload},
    {"user_limited", &ChannelRules::user_limited, Change::reload},
    {"subscribe", &ChannelRules::subscribe, Change::reload},
    {"publish", &ChannelRules::publish, Change::reload},
    {"read_presence", &ChannelRules::read_presence, Change::reload},
    {"read_history", &ChannelRules::read_history, Change::reload},
};

}  // namespace

std::span<const Key<ServerSettings>> keys_of(const ServerSettings&) {
  return kServerKeys;
}
std::span<const Key<ClientSettings>> keys_of(const ClientSettings&) {
  return kClientKeys;
}
std::span<const Key<TokenSettings>> keys_of(const TokenSettings&) {
  return kTokenKeys;
}
std::span<const Key<ApiSettings>> keys_of(const ApiSettings&) {
  return kApiKeys;
}
std::span<const Key<HistorySettings>> keys_of(const HistorySettings&) {
  return kHistoryKeys;
}
std::span<const Key<MemorySettings>> keys_of(const MemorySettings&) {
  return kMemoryKeys;
}
std::span<const Key<ChannelRules>> keys_of(const ChannelRules&) {
  return kChannelKeys;
}

}  // namespace holdfast::gateway
