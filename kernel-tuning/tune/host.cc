// Reading and writing below the root.
#include "tune/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace holdfast::tune {
namespace {

constexpr std::string_view kSysctls = "/proc/sys/";

}  // namespace

Host::Host(std::string root) : root_(std::move(root)) {
  while (!root_.empty() && root_.back() == '/') root_.pop_back();
}

Reading Host::read(std::string_view path) const {
  Reading reading;
  const std::string name = full(path);
  // Non-blocking, so that a FIFO where a value is expected is an error and not a wait for ever.
  const int descriptor = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    reading.absent = errno == ENOENT || errno == ENOTDIR;
    reading.reason = reading.absent ? "not there" : error_text(errno);
    return reading;
  }
  std::array<char, 16384> buffer;
  ssize_t count = 0;
  while (reading.text.size() < kReadMaximumBytes &&
         (count = ::read(descriptor, buffer.data(), buffer.size())) > 0) {
    reading.text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  if (count < 0) reading.reason = error_text(errno);
  reading.ok = count >= 0;
  close(descriptor);
  return reading;
}

bool Host::exists(std::string_view path) const {
  return access(full(path).c_str(), F_OK) == 0;
}

std::vector<std::string> Host::list(std::string_view folder) const {
  std::vector<std::string> names;
  DIR* stream = opendir(full(folder).c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

std::string Host::link_target(std::string_view path) const {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t count = readlink(full(path).c_str(), buffer.data(), buffer.size());
  return count <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(count));
}

std::string Host::why_not_writable(std::string_view path) const {
  // Opened and not asked by access(2): that looks at the mode, and a root without capabilities, a read-only
  // mount or a security module say no only here.
  const int descriptor = open(full(path).c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor >= 0) {
    close(descriptor);
    return "";
  }
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return "not in this kernel, or not in this network namespace";
    case EROFS:
      return "the file system is read-only here, as in a container: change it on the host";
    case EACCES:
    case EPERM:
      return geteuid() == 0 ? "read-only here even for root: it belongs to the host, or needs a capability"
                            : "needs root";
    default:
      return error_text(errno);
  }
}

int Host::write_value(const std::string& path, const std::string& value) {
  const int descriptor = open(full(path).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return errno;
  // One write: /proc/sys takes a value whole or not at all.
  const std::string line = value + "\n";
  const ssize_t count = write(descriptor, line.data(), line.size());
  const int error = count == static_cast<ssize_t>(line.size()) ? 0 : count < 0 ? errno : EIO;
  if (close(descriptor) != 0 && error == 0) return errno;
  return error;
}

std::string sysctl_path(std::string_view key) {
  std::string path(kSysctls);
  for (const char character : key) path += character == '.' ? '/' : character;
  return path;
}

std::string sysctl_key(std::string_view path) {
  if (path.substr(0, kSysctls.size()) != kSysctls) return std::string(path);
  std::string key(path.substr(kSysctls.size()));
  std::replace(key.begin(), key.end(), '/', '.');
  return key;
}

std::string error_text(int error) {
  return std::strerror(error);
}

}  // namespace holdfast::tune
