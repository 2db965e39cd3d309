// Settings: questions about a snapshot that is known to be sound.
#include "gateway/settings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast::gateway {

std::uint32_t Settings::rules_of(const ChannelName& name) const {
  if (!name.has_space) return 0;
  const auto found = std::lower_bound(
      namespaces.begin(), namespaces.end(), name.space,
      [](const Namespace& space, std::string_view wanted) { return std::string_view(space.name) < wanted; });
  if (found == namespaces.end() || found->name != name.space) return kNoRules;
  return static_cast<std::uint32_t>(found - namespaces.begin()) + 1;
}

const ChannelRules& Settings::rules(std::uint32_t place) const {
  CHECK(place <= namespaces.size());
  return place == 0 ? channels : namespaces[place - 1].rules;
}

Decision Settings::resolve(std::string_view channel, ChannelName& name, std::uint32_t& rules) const {
  switch (ChannelName::check(channel, client.max_channel_bytes)) {
    case ChannelName::Fault::none:
      break;
    case ChannelName::Fault::empty:
      return Decision::empty_name;
    case ChannelName::Fault::too_long:
    case ChannelName::Fault::reserved:
      return Decision::bad_name;
  }
  name = ChannelName::parse(channel);
  rules = rules_of(name);
  return rules == kNoRules ? Decision::unknown_channel : Decision::allowed;
}

std::string Settings::personal_channel_of(std::string_view user) const {
  if (!client.personal_channel || user.empty()) return {};
  std::string name = client.personal_namespace.empty() ? std::string() : client.personal_namespace + ":";
  name.append("#").append(user);
  // A user whose id cannot stand in a channel's name has none.
  const ChannelName parts = ChannelName::parse(name);
  const bool sound = ChannelName::check(name, client.max_channel_bytes) == ChannelName::Fault::none &&
                     parts.names(user) && parts.space == client.personal_namespace;
  return sound ? name : std::string();
}

std::string Problem::to_string() const {
  std::string text = file;
  if (line > 0) absl::StrAppend(&text, ":", line, ":", column);
  if (!key.empty()) absl::StrAppend(&text, text.empty() ? "" : ": ", key);
  if (!value.empty()) absl::StrAppend(&text, " = ", value);
  absl::StrAppend(&text, text.empty() ? "" : ": ", reason);
  if (!next_step.empty()) absl::StrAppend(&text, "; ", next_step);
  return text;
}

}  // namespace holdfast::gateway
