// Files and environment variables of a test's own.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/settings.h"

namespace holdfast::gateway {

struct FakeSurroundings {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> environment;

  // A view of this object's state at each call of what it returns.
  Surroundings surroundings() const {
    return {[this](const std::string& path) -> absl::StatusOr<std::string> {
              const auto found = files.find(path);
              if (found == files.end())
                return absl::NotFoundError(absl::StrCat("opening ", path, ": no such file"));
              return found->second;
            },
            [this](const std::string& name) -> std::optional<std::string> {
              const auto found = environment.find(name);
              return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
            }};
  }
};

}  // namespace holdfast::gateway
