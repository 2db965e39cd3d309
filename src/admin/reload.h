// Reading the settings, at the start and again on SIGHUP.
//
// A Reloader belongs to the thread that obeys signals. What it reads goes to each shard as a task; what only
// a restart can change stays as it was, and is said.
#pragma once

#include <memory>
#include <utility>

#include "admin/first_start.h"
#include "admin/program.h"
#include "gateway/settings.h"
#include "holdfast/server.h"

namespace holdfast::admin {

// The file, or what a demonstration needs, and the flags.
gateway::LoadedSettings load(const ProgramOptions& options);
void print_problems(const gateway::LoadedSettings& loaded);

class Reloader {
 public:
  Reloader(ProgramOptions options, DrawnSecrets drawn, std::shared_ptr<const gateway::Settings> current)
      : options_(std::move(options)), drawn_(std::move(drawn)), current_(std::move(current)) {}

  // To standard error: what has changed, or why nothing has.
  void reload(Server& server);

 private:
  ProgramOptions options_;
  DrawnSecrets drawn_;
  std::shared_ptr<const gateway::Settings> current_;
};

}  // namespace holdfast::admin
