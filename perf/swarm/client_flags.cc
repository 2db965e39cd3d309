// What belongs together, and what is refused.
#include "client_flags.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/strings/str_split.h"
#include "addresses.h"

ABSL_FLAG(std::string, protocol, "websocket",
          "what connections speak: websocket (messages that come back), centrifugo-json or "
          "centrifugo-protobuf");
ABSL_FLAG(std::vector<std::string>, connect, {"subscribe"},
          "of centrifugo-*, what is said in the first frame besides connect: some of token, subscribe, "
          "recoverable (asks for positions)");
ABSL_FLAG(std::string, token_hmac_key, "", "tokens are signed with this secret (HS256), a user for each");
ABSL_FLAG(std::string, user, "", "with --token_hmac_key: everybody is this user");
ABSL_FLAG(std::string, tokens, "", "a file with a token a line, given out in turn");
ABSL_FLAG(std::uint32_t, channels, 1, "connection i subscribes to channel i modulo this");
ABSL_FLAG(std::string, channel, "swarm{}", "name of the channels; {} is the number");
ABSL_FLAG(std::string, api, "",
          "http://ADDR:PORT of the server's HTTP API: publications are made there, and disconnects");
ABSL_FLAG(std::string, api_key, "", "of --api");

namespace holdfast::swarm {
namespace {

constexpr std::uint32_t kChannelsMaximum = 1'000'000;
constexpr std::string_view kHttp = "http://";

absl::Status refuse(const std::string& why) {
  return absl::InvalidArgumentError(why);
}

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

absl::StatusOr<Tokens> read_tokens(bool wanted) {
  const std::string secret = absl::GetFlag(FLAGS_token_hmac_key);
  const std::string file = absl::GetFlag(FLAGS_tokens);
  const std::string user = absl::GetFlag(FLAGS_user);
  if (!wanted) {
    if (secret.empty() && file.empty() && user.empty()) return Tokens();
    return refuse("--token_hmac_key, --tokens and --user are for --connect=token,...");
  }
  if (secret.empty() == file.empty()) {
    return refuse("--connect=token needs either --token_hmac_key or --tokens");
  }
  if (!user.empty() && secret.empty()) return refuse("--user is for --token_hmac_key");
  if (!plain(user)) return refuse("--user is a word of ASCII characters");
  return secret.empty() ? Tokens::from_file(file) : absl::StatusOr<Tokens>(Tokens::signed_with(secret, user));
}

absl::StatusOr<ApiAddress> read_api(const std::string& api, const std::vector<std::string>& allowed) {
  if (api.compare(0, kHttp.size(), kHttp) != 0) return refuse("--api is http://ADDR:PORT");
  const absl::StatusOr<Url> url = parse_url("ws://" + api.substr(kHttp.size()) + "/");
  if (!url.ok()) return refuse("--api is http://ADDR:PORT: " + std::string(url.status().message()));
  const absl::StatusOr<std::vector<ring::SocketAddress>> addresses = destinations(*url, 1, allowed);
  if (!addresses.ok()) return addresses.status();
  return ApiAddress{addresses->front(), url->authority, absl::GetFlag(FLAGS_api_key)};
}

}  // namespace

absl::StatusOr<ClientFlags> read_client_flags(std::uint64_t run, const std::vector<std::string>& allowed) {
  ClientFlags flags;
  const std::string protocol = absl::GetFlag(FLAGS_protocol);
  const std::string api = absl::GetFlag(FLAGS_api);
  if (protocol == "websocket") {
    if (!api.empty()) return refuse("--api is for --protocol=centrifugo-*");
    return flags;
  }
  if (protocol != "centrifugo-json" && protocol != "centrifugo-protobuf") {
    return refuse("--protocol is websocket, centrifugo-json or centrifugo-protobuf");
  }
  bool token = false, subscribes = false, recoverable = false;
  for (const std::string& word : absl::GetFlag(FLAGS_connect)) {
    if (word != "token" && word != "subscribe" && word != "recoverable") {
      return refuse("--connect is some of token, subscribe, recoverable");
    }
    token = token || word == "token";
    subscribes = subscribes || word == "subscribe";
    recoverable = recoverable || word == "recoverable";
  }
  if (recoverable && !subscribes) return refuse("--connect=recoverable needs subscribe as well");
  absl::StatusOr<Tokens> tokens = read_tokens(token);
  if (!tokens.ok()) return tokens.status();
  const std::uint32_t channels = absl::GetFlag(FLAGS_channels);
  const std::string pattern = absl::GetFlag(FLAGS_channel);
  if (channels < 1 || channels > kChannelsMaximum) return refuse("--channels is 1 to 1,000,000");
  if (pattern.empty() || !plain(pattern)) return refuse("--channel is a word of ASCII characters");
  if (channels > 1 && pattern.find("{}") == std::string::npos) {
    return refuse("--channel needs {} where the number of the channel belongs");
  }
  flags.protocol.reset(new ClientProtocol{protocol == "centrifugo-json" ? Encoding::json : Encoding::protobuf,
                                          subscribes, recoverable, *std::move(tokens),
                                          Channels(pattern, channels, run)});
  if (api.empty()) return flags;
  absl::StatusOr<ApiAddress> address = read_api(api, allowed);
  if (!address.ok()) return address.status();
  flags.api = *std::move(address);
  return flags;
}

absl::Status check_phases(const std::vector<Phase>& phases, const ClientFlags& flags) {
  const ClientProtocol* protocol = flags.protocol.get();
  for (const Phase& phase : phases) {
    const Phase::Kind kind = phase.kind;
    const std::string name = "--phase=" + phase.text + ": ";
    const bool recover = kind == Phase::Kind::recover;
    if (protocol == nullptr) {
      if (recover) return refuse(name + "only with --protocol=centrifugo-*");
      continue;
    }
    if (kind == Phase::Kind::echo || kind == Phase::Kind::fanin || kind == Phase::Kind::slow) {
      return refuse(name + "this protocol has no such thing: only with --protocol=websocket");
    }
    if (kind != Phase::Kind::fanout && !recover) continue;
    if (!protocol->subscribes) return refuse(name + "nobody is subscribed: --connect=subscribe is missing");
    if (kind == Phase::Kind::fanout && protocol->channels.count() > 1 && !flags.api) {
      return refuse(name + "with several channels publications are made through the HTTP API: give --api");
    }
    if (recover && !flags.api) return refuse(name + "needs --api, to publish and to disconnect");
    if (recover && !protocol->recoverable) return refuse(name + "needs --connect=recoverable");
    if (recover && !protocol->tokens.knows_users()) {
      return refuse(name + "clients are disconnected by user: --token_hmac_key is missing");
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast::swarm
