// Settings: everything the gateway can be told, as one immutable snapshot.
//
// Parsed once from a TOML file and overrides, shared as shared_ptr<const Settings>, swapped as a whole on
// SIGHUP. Every default stands here, with its unit in the type or the name; what a key is called in the file
// and which values it takes stands in settings_keys.cc, and a commented file with all of them is
// src/apps/holdfast.toml. Reading is pure but for the files and environment variables named by keys, which
// come through Surroundings.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/channel_name.h"
#include "gateway/channel_rules.h"
#include "gateway/permissions.h"

namespace holdfast::gateway {

using std::chrono::milliseconds;

// Never printed.
struct Secret {
  std::string text;
  bool is_set() const { return !text.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;
};

// A file named in the settings, with what was in it when they were read.
struct FileText {
  std::string path;
  std::string text;
  friend bool operator==(const FileText&, const FileText&) = default;
};

struct ServerSettings {
  std::vector<std::string> listen = {"127.0.0.1:8000"};
  std::vector<std::string> listen_api = {"127.0.0.1:9000"};
  std::uint32_t shards = 0;  // 0: as many as cores or connections need
  std::uint32_t max_connections = 100'000;
  std::uint32_t max_connections_per_address = 0;  // 0: any number
  std::uint32_t max_accepts_per_second = 0;       // 0: any number
  std::vector<std::string> allowed_origins;       // empty: same origin
  bool allow_missing_origin = true;
  milliseconds drain_timeout{10'000};
};

struct ClientSettings {
  bool allow_anonymous = false;
  milliseconds ping_interval{25'000};  // 0: no pings
  milliseconds pong_timeout{8'000};    // 0: pongs are not asked for
  milliseconds connect_timeout{10'000};
  milliseconds expired_grace{25'000};
  milliseconds position_check_interval{40'000};  // 0: never
  std::uint32_t max_channels = 128;
  std::uint32_t max_channel_bytes = 255;
  std::uint64_t max_message_bytes = 64 << 10;
  std::uint64_t max_outbox_bytes = 1 << 20;
  std::uint32_t max_outbox_messages = 0;  // 0: only the bytes count
  milliseconds stall_timeout{30'000};
  std::uint32_t max_connections_per_user = 0;  // 0: any number
  std::uint32_t max_messages_per_second = 0;   // 0: any number
  std::uint64_t max_bytes_per_second = 0;      // 0: any number
  bool personal_channel = false;
  std::string personal_namespace = "personal";
  bool rpc_echo = false;
  bool discard_send = false;
};

struct TokenSettings {
  Secret hmac_secret;
  Secret hmac_previous_secret;
  std::vector<FileText> public_key_files;  // PEM
  FileText jwks_file;
  std::string audience;  // empty: not checked
  std::string issuer;
};

struct ApiSettings {
  Secret key;  // not set: the program draws one and prints it
  Secret previous_key;
  std::uint64_t max_body_bytes = 8 << 20;
};

struct HistorySettings {
  std::uint32_t max_publications = 300;        // in one answer, recovery included
  std::uint64_t max_answer_bytes = 512 << 10;  // of their payloads
  milliseconds meta_ttl = std::chrono::hours(720);
  milliseconds idempotency_window = std::chrono::minutes(5);
};

// For the whole server; what is kept per shard gets its share.
struct MemorySettings {
  std::uint64_t message_memory_bytes = 0;  // queued messages and incomplete input; 0: 256 MiB for each shard
  std::uint64_t publication_memory_bytes = 256ull << 20;
  std::uint64_t presence_memory_bytes = 64ull << 20;
  std::uint32_t max_channels = 1'000'000;
  std::uint32_t max_subscriptions = 0;  // 0: four for each connection
  std::uint32_t max_idempotency_results = 100'000;
};

struct Namespace {
  std::string name;
  ChannelRules rules;
  friend bool operator==(const Namespace&, const Namespace&) = default;
};

struct Settings {
  static constexpr std::uint32_t kNoRules = 0xffff'ffffu;

  ServerSettings server;
  ClientSettings client;
  TokenSettings token;
  ApiSettings api;
  HistorySettings history;
  MemorySettings memory;
  ChannelRules channels;              // without a namespace
  std::vector<Namespace> namespaces;  // by name

  // The place of a channel's rules in this snapshot; kNoRules when its namespace does not exist (error 102).
  std::uint32_t rules_of(const ChannelName& name) const;
  const ChannelRules& rules(std::uint32_t place) const;

  // Name and namespace of a channel a client named: allowed, or why not; `name` and `rules` are set when
  // allowed.
  Decision resolve(std::string_view channel, ChannelName& name, std::uint32_t& rules) const;

  // The channel every connection of this user is subscribed to by the server; empty when there is none.
  std::string personal_channel_of(std::string_view user) const;
};

// A fault in the settings: where, what, why, and what to do about it.
struct Problem {
  std::string file;        // or the override it came from
  std::uint32_t line = 0;  // 0: nowhere in particular
  std::uint32_t column = 0;
  std::string key;    // "client.ping_interval"; empty when the file as a whole is meant
  std::string value;  // as written; empty when there is none or it must not be shown
  std::string reason;
  std::string next_step;
  std::string to_string() const;
};

// A setting from elsewhere that wins over the file.
struct Override {
  std::string key;     // "listen", "client.ping_interval", "namespaces.chat.presence"
  std::string value;   // as in the file but without quotes; lists by commas
  std::string origin;  // for messages: "--listen"
};

// What reading settings needs from outside. Errors are for the reader: why the file could not be read.
struct Surroundings {
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  static Surroundings system();
};

struct LoadedSettings {
  std::shared_ptr<const Settings> settings;  // nullptr when there are problems
  std::vector<Problem> problems;
};

// `file` names the text in messages, and paths in it are relative to its folder.
LoadedSettings parse_settings(std::string_view text, const std::string& file,
                              std::span<const Override> overrides, const Surroundings& surroundings);
// Reads the file first. With an empty path: the defaults and the overrides alone.
LoadedSettings load_settings(const std::string& path, std::span<const Override> overrides,
                             const Surroundings& surroundings);

// All values in effect, in the form of the file; secrets only as their length.
std::string describe(const Settings& settings);

// What changed between two snapshots, one line each: "client.ping_interval: 25s, was 30s".
struct Differences {
  std::vector<std::string> reloadable;
  std::vector<std::string> need_restart;
};
Differences differences(const Settings& before, const Settings& after);

// Puts back what differs and needs a restart: shards were made for the values of `running`.
void keep_what_needs_a_restart(const Settings& running, Settings& settings);
// What these values, each sound by itself, do not fulfil together: old and new ones have never been checked
// as one.
std::vector<Problem> contradictions(const Settings& settings);

}  // namespace holdfast::gateway
