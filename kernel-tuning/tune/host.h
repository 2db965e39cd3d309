// Host: the files through which a host is read and changed: /proc, /sys and /etc, below a root that tests
// (and people who inspect an image) may put elsewhere.
//
// Nothing else in this program opens such a file, so a fake root is the whole host. Reads are bounded, and
// what cannot be read says why. Single thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tune {

// What a file held, or why it could not be read.
struct Reading {
  bool ok = false;
  std::string text;     // as it was, up to Host::kReadMaximumBytes
  std::string reason;   // in words, when not ok
  bool absent = false;  // there is no such file
};

class Host {
 public:
  static constexpr std::size_t kReadMaximumBytes = 4u << 20;

  // The root without a trailing slash; empty for the host itself.
  explicit Host(std::string root = "");
  virtual ~Host() = default;

  const std::string& root() const { return root_; }
  // Only then system calls (limits, the ring probe) speak about the same host as the files.
  bool is_this_host() const { return root_.empty(); }
  std::string full(std::string_view path) const { return root_ + std::string(path); }

  Reading read(std::string_view path) const;
  bool exists(std::string_view path) const;
  std::vector<std::string> list(std::string_view folder) const;  // sorted names
  std::string link_target(std::string_view path) const;          // empty when there is none

  // Why the file cannot be written by this process; empty when it can.
  std::string why_not_writable(std::string_view path) const;
  // Writes a value into a file of /proc or /sys; 0 or errno. Virtual: tests put a kernel in its place that
  // takes a value and keeps another.
  virtual int write_value(const std::string& path, const std::string& value);

 private:
  std::string root_;
};

// "net.core.somaxconn" and "/proc/sys/net/core/somaxconn".
std::string sysctl_path(std::string_view key);
std::string sysctl_key(std::string_view path);

std::string error_text(int error);

}  // namespace holdfast::tune
