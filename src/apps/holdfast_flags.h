// The flags of holdfast. Each that is given wins over the settings file.
#pragma once

#include "admin/program.h"

namespace holdfast::apps {

struct HoldfastFlags {
  admin::ProgramOptions options;
  bool check_config = false;
  bool explain_memory = false;
};

// Parses the command line; ends the process with code 2 and a message when it is wrong.
HoldfastFlags parse_holdfast_flags(int argc, char** argv);

}  // namespace holdfast::apps
