// Runs every file of a corpus folder through a fuzz target once, in the order of their names: the fuzzers'
// past findings as an ordinary test, with any compiler. The file that is running is named when the target
// dies.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

// Read by the signal handler, so a plain buffer.
char running[4096];

void name_the_input(int signal_number) {
  // Nothing can be done about a failing write in a dying process.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, running, std::strlen(running));
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

std::vector<std::filesystem::path> inputs_below(const char* folder) {
  std::vector<std::filesystem::path> inputs;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (entry.is_regular_file()) inputs.push_back(entry.path());
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

void replay(const std::filesystem::path& input) {
  std::snprintf(running, sizeof running, "replay: died on %s\n", input.c_str());
  std::ifstream file(input, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // A copy of exactly the right size, so that AddressSanitizer sees the first byte read beyond it.
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", arguments[0]);
    return 2;
  }
  const std::vector<std::filesystem::path> inputs = inputs_below(arguments[1]);
  if (inputs.empty()) {
    std::fprintf(stderr, "replay: no inputs in %s\n", arguments[1]);
    return 1;
  }
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) {
    signal(signal_number, name_the_input);
  }
  for (const auto& input : inputs) replay(input);
  std::printf("replayed %zu inputs\n", inputs.size());
  return 0;
}
