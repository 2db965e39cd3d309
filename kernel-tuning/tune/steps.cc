// The acts, each followed by what makes it durable.
#include "tune/steps.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace holdfast::tune {
namespace {

constexpr int kKilled = 137;

long number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtol(text, nullptr, 10);
}

int sync_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  return error;
}

int write_all(int descriptor, const std::string& content) {
  for (std::size_t written = 0; written < content.size();) {
    const ssize_t count = write(descriptor, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : ENOSPC;
    written += static_cast<std::size_t>(count);
  }
  return fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

Steps::Steps()
    : exit_after_(number_in_environment("HOLDFAST_TUNE_EXIT_AFTER_STEP")),
      fail_at_(number_in_environment("HOLDFAST_TUNE_FAIL_AT_STEP")) {}

int Steps::begin() {
  ++step_;
  return step_ == fail_at_ ? failure() : 0;
}

void Steps::end() {
  if (step_ == exit_after_) _exit(kKilled);
}

int Steps::failure() {
  return EIO;
}

int Steps::make_folder(const std::string& path) {
  return run([&] {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return errno;
    return sync_folder_of(path);
  });
}

int Steps::remove_folder(const std::string& path) {
  return run([&] {
    if (rmdir(path.c_str()) == 0) return sync_folder_of(path);
    return errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST ? 0 : errno;
  });
}

int Steps::remove_file(const std::string& path) {
  return run([&] {
    if (unlink(path.c_str()) != 0) return errno == ENOENT ? 0 : errno;
    return sync_folder_of(path);
  });
}

int Steps::rename_file(const std::string& from, const std::string& to) {
  return run([&] { return rename(from.c_str(), to.c_str()) == 0 ? sync_folder_of(to) : errno; });
}

int Steps::write_file(const std::string& path, const std::string& content, unsigned mode) {
  const std::string temporary = path + kTemporarySuffix;
  const int error = run([&] {
    const int descriptor =
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return errno;
    int result = fchmod(descriptor, mode) == 0 ? write_all(descriptor, content) : errno;
    if (close(descriptor) != 0 && result == 0) result = errno;
    return result;
  });
  if (error != 0) {
    unlink(temporary.c_str());
    return error;
  }
  const int renamed = rename_file(temporary, path);
  if (renamed != 0) unlink(temporary.c_str());
  return renamed;
}

}  // namespace holdfast::tune
