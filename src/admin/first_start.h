// What a start without settings adds: rules that let everybody try, secrets that are drawn, and the words
// that say what to do next.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/settings.h"
#include "holdfast/server.h"

namespace holdfast::admin {

// Empty: not drawn, because the settings have one or nobody needs it.
struct DrawnSecrets {
  std::string api_key;
  std::string hmac_secret;
};

// As overrides, so that flags can change them again.
std::vector<gateway::Override> demonstration_overrides();

DrawnSecrets draw_secrets(const gateway::Settings& settings, bool demonstration);
std::shared_ptr<const gateway::Settings> with_secrets(const gateway::Settings& settings,
                                                      const DrawnSecrets& drawn);

// To standard output; the only time that secrets are shown.
void print_first_steps(const Server& server, const DrawnSecrets& drawn, bool demonstration);

}  // namespace holdfast::admin
