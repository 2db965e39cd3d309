// Secrets live as long as the process: a reload keeps them, a restart draws others.
#include "admin/first_start.h"

#include <cstdio>

#include "admin/credentials.h"

namespace holdfast::admin {
namespace {

std::string address_of(const Server& server, Protocol protocol) {
  for (const Endpoint& endpoint : server.endpoints()) {
    if (endpoint.protocol == protocol) return endpoint.address;
  }
  return {};
}

}  // namespace

std::vector<gateway::Override> demonstration_overrides() {
  const std::string origin = "the demonstration";
  return {
      {"client.allow_anonymous", "true", origin},        {"channels.subscribe", "anybody", origin},
      {"channels.publish", "subscribers", origin},       {"channels.read_history", "subscribers", origin},
      {"channels.history_size", "100", origin},          {"channels.history_ttl", "10m", origin},
      {"channels.recovery", "stream", origin},           {"channels.presence", "true", origin},
      {"channels.read_presence", "subscribers", origin},
  };
}

DrawnSecrets draw_secrets(const gateway::Settings& settings, bool demonstration) {
  DrawnSecrets drawn;
  if (!settings.api.key.is_set() && !settings.server.listen_api.empty()) drawn.api_key = draw_secret();
  const gateway::TokenSettings& token = settings.token;
  const bool has_keys =
      token.hmac_secret.is_set() || !token.public_key_files.empty() || !token.jwks_file.path.empty();
  if (demonstration && !has_keys) drawn.hmac_secret = draw_secret();
  return drawn;
}

std::shared_ptr<const gateway::Settings> with_secrets(const gateway::Settings& settings,
                                                      const DrawnSecrets& drawn) {
  auto complete = std::make_shared<gateway::Settings>(settings);
  if (!complete->api.key.is_set()) complete->api.key.text = drawn.api_key;
  if (!complete->token.hmac_secret.is_set()) complete->token.hmac_secret.text = drawn.hmac_secret;
  return complete;
}

void print_first_steps(const Server& server, const DrawnSecrets& drawn, bool demonstration) {
  const std::string clients = address_of(server, Protocol::websocket);
  const std::string api = address_of(server, Protocol::http);
  if (demonstration) {
    std::printf(
        "\nA demonstration: no --config was given, so everybody may connect, subscribe and publish.\n\n");
    if (!clients.empty()) std::printf("  page          http://%s/\n", clients.c_str());
    if (!clients.empty()) std::printf("  clients       ws://%s/connection/websocket\n", clients.c_str());
  }
  if (!drawn.api_key.empty())
    std::printf("  API key       %s (drawn; for this run only)\n", drawn.api_key.c_str());
  if (!drawn.hmac_secret.empty()) {
    std::printf("  token secret  %s (HS256; drawn; for this run only)\n", drawn.hmac_secret.c_str());
  }
  if (demonstration && !drawn.api_key.empty() && !api.empty()) {
    std::printf(
        "  publish       curl -H 'X-API-Key: %s' http://%s/api/publish \\\n"
        "                  -d '{\"channel\": \"demo\", \"data\": {\"text\": \"hello\"}}'\n\n",
        drawn.api_key.c_str(), api.c_str());
  }
}

}  // namespace holdfast::admin
