// From a file, overrides and surroundings to Settings or to problems.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "gateway/settings.h"
#include "gateway/settings_document.h"
#include "gateway/settings_reader.h"

namespace holdfast::gateway {
namespace {

absl::StatusOr<std::string> read_whole_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  const auto failed = [&path](const char* doing, int error) {
    return absl::NotFoundError(absl::StrCat(doing, " ", path, ": ", std::strerror(error)));
  };
  if (file == nullptr) return failed("opening", errno);
  std::string text;
  char buffer[4096];
  while (true) {
    const std::size_t count = std::fread(buffer, 1, sizeof buffer, file.get());
    text.append(buffer, count);
    // One byte more is enough to be told too large; a device or a pipe may have no end.
    if (text.size() > kSettingsBytesMaximum || count < sizeof buffer) break;
  }
  if (std::ferror(file.get()) != 0) return failed("reading", errno);
  return text;
}

}  // namespace

Surroundings Surroundings::system() {
  return {read_whole_file, [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          }};
}

LoadedSettings parse_settings(std::string_view text, const std::string& file,
                              std::span<const Override> overrides, const Surroundings& surroundings) {
  LoadedSettings loaded;
  Written document = parse_document(text, file, loaded.problems);
  if (!loaded.problems.empty()) return loaded;
  for (const Override& change : overrides) apply_override(change, document);
  auto settings = std::make_shared<Settings>();
  SettingsReader reader(file, surroundings, loaded.problems);
  reader.read(document, *settings);
  // Values that were refused are still at their defaults: what they do to others says nothing.
  if (loaded.problems.empty()) check_settings(*settings, reader.written(), file, loaded.problems);
  if (loaded.problems.empty()) loaded.settings = std::move(settings);
  return loaded;
}

LoadedSettings load_settings(const std::string& path, std::span<const Override> overrides,
                             const Surroundings& surroundings) {
  if (path.empty()) return parse_settings("", "", overrides, surroundings);
  const absl::StatusOr<std::string> text = surroundings.read_file(path);
  if (text.ok()) return parse_settings(*text, path, overrides, surroundings);
  LoadedSettings loaded;
  loaded.problems.push_back(
      {path, 0, 0, "", "", std::string(text.status().message()), "name a file that this user may read"});
  return loaded;
}

}  // namespace holdfast::gateway
