// The program holdfast: from settings to a running gateway with its HTTP API, and what it does on signals.
#pragma once

#include <string>
#include <vector>

#include "gateway/settings.h"

namespace holdfast::admin {

struct ProgramOptions {
  std::string config_file;                   // empty: none
  std::vector<gateway::Override> overrides;  // win over the file
};

// Prints what is wrong with the settings, or all values in effect. The exit code.
int check_config(const ProgramOptions& options);

// Prints the most memory a server with these settings can take, and what it is made of. The exit code.
int explain_memory(const ProgramOptions& options);

// Serves until SIGTERM or SIGINT has drained it; a second one stops it at once. SIGHUP reads the settings
// again, SIGUSR1 prints the counters. Without a file it is a demonstration: anonymous clients may subscribe
// and publish, a page shows it, and keys are drawn and printed. The exit code: 0 after a drain or stop, 1
// after an error, 2 when the settings are wrong.
int run_program(const ProgramOptions& options);

}  // namespace holdfast::admin
