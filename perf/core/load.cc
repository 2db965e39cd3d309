// load: the client of the measurements in perf/core/measure. One thread, one epoll set, loopback.
//
//   load --mode=echo --port=P --connections=N --message_bytes=B --server_pid=PID --warm_up_ms=W --window_ms=M
//   load --mode=fanout ...        the same options
//   load --mode=handshake --port=P --connections=N --server_pid=PID [--outstanding=64]
//   load --mode=idle --port=P --connections=N [--source=127.0.0.K]
//   load --mode=connect ...       idle, without the upgrade: the other end of bare_accept
//
// Each line on standard input asks for one window (modes.h). --timeout_s bounds the whole run: past it the
// process dies by SIGALRM.
#include <arpa/inet.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

#include "failure.h"
#include "modes.h"

namespace holdfast::perf {
namespace {

using Options = std::map<std::string, std::string>;

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (argument.rfind("--", 0) != 0 || equals == std::string::npos)
      fail(("not --name=value: " + argument).c_str());
    options[argument.substr(2, equals - 2)] = argument.substr(equals + 1);
  }
  return options;
}

std::string take(Options& options, const char* name, const char* otherwise) {
  const auto option = options.find(name);
  if (option == options.end()) return otherwise;
  std::string value = option->second;
  options.erase(option);
  return value;
}

std::uint32_t take_number(Options& options, const char* name, const char* otherwise) {
  const std::string text = take(options, name, otherwise);
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value > 0x7fffffff)
    fail((std::string("not a number: --") + name).c_str());
  return static_cast<std::uint32_t>(value);
}

sockaddr_in loopback(const std::string& address, std::uint32_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1 ||
      ntohl(result.sin_addr.s_addr) >> 24 != 127) {
    fail("only addresses in 127.0.0.0/8");
  }
  return result;
}

int run(int argc, char** argv) {
  Options options = read_options(argc, argv);
  const std::string mode = take(options, "mode", "");
  const std::string source = take(options, "source", "");
  Load load;
  load.target.server = loopback("127.0.0.1", take_number(options, "port", "0"));
  if (!source.empty()) load.target.source = loopback(source, 0);
  load.target.outstanding = take_number(options, "outstanding", "64");
  load.target.upgrade = mode != "connect";
  load.server = static_cast<pid_t>(take_number(options, "server_pid", "0"));
  load.connections = take_number(options, "connections", "1");
  load.message_bytes = take_number(options, "message_bytes", "64");
  load.warm_up_ms = take_number(options, "warm_up_ms", "200");
  load.window_ms = take_number(options, "window_ms", "1000");
  alarm(take_number(options, "timeout_s", "60"));
  if (!options.empty()) fail(("unknown option: --" + options.begin()->first).c_str());
  if (load.connections == 0 || load.target.outstanding == 0)
    fail("--connections and --outstanding start at 1");

  if (mode == "echo")
    run_echo(load);
  else if (mode == "fanout")
    run_fanout(load);
  else if (mode == "handshake")
    run_handshake(load);
  else if (mode == "idle" || mode == "connect")
    run_idle(load);
  else
    fail("--mode is echo, fanout, handshake, idle or connect");
  return 0;
}

}  // namespace
}  // namespace holdfast::perf

int main(int argc, char** argv) {
  return holdfast::perf::run(argc, argv);
}
