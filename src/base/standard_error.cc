// Standard error: asked whether it takes a line before it is given one.
#include "base/standard_error.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <string>

namespace holdfast::base {

void keep_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    // The lowest free number is what open returns.
    if (::fcntl(descriptor, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR));
  }
  ::signal(SIGPIPE, SIG_IGN);
}

void write_line(std::string_view line) {
  pollfd standard_error = {STDERR_FILENO, POLLOUT, 0};
  // A pipe counts as writable when it has room for 4096 bytes, more than any line has.
  if (::poll(&standard_error, 1, 0) != 1 || (standard_error.revents & POLLOUT) == 0) return;
  const std::string text = std::string(line).append("\n");
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace holdfast::base
