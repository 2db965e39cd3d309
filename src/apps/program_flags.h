// The flags that holdfast-echo and holdfast-broadcast share, and the Config they amount to.
#pragma once

#include <holdfast/config.h>

namespace holdfast::apps {

// Parses the command line; ends the process with code 2 and a message when it is wrong.
Config parse_flags(int argc, char** argv, const char* description);

}  // namespace holdfast::apps
