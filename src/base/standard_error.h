// Lines for people, on standard error, and the guard that it is standard error they go to.
//
// Whoever reads the log must not be able to stop the server: a line that a full disk, a closed descriptor, a
// pipe without a reader or one that nobody empties does not take is lost, and nothing waits for it. Any
// thread.
#pragma once

#include <string_view>

namespace holdfast::base {

// First thing in a program: descriptors 0 to 2 that are closed are opened on /dev/null, or the next socket or
// memory file that is opened would get the number, and the log would be written into it. And SIGPIPE is
// ignored: to whom a log line cannot be written is no reason to end.
void keep_standard_descriptors();

// One line, without its newline, in one write, so that lines of several threads do not mix.
void write_line(std::string_view line);

}  // namespace holdfast::base
