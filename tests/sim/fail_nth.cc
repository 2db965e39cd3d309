// FailNth: what may go wrong, and the loop over it.
#include "fail_nth.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "fail_point.h"
#include "simulation.h"

namespace holdfast::sim {
namespace {

using ring::Op;

constexpr std::uint64_t kSeed = 1;

struct NamedError {
  std::string_view name;
  std::int32_t number;
};
constexpr NamedError kAgain{"EAGAIN", EAGAIN}, kInterrupted{"EINTR", EINTR}, kNoBuffers{"ENOBUFS", ENOBUFS},
    kNoMemory{"ENOMEM", ENOMEM}, kReset{"ECONNRESET", ECONNRESET}, kTimedOut{"ETIMEDOUT", ETIMEDOUT},
    kPipe{"EPIPE", EPIPE}, kHostUnreachable{"EHOSTUNREACH", EHOSTUNREACH},
    kNetUnreachable{"ENETUNREACH", ENETUNREACH}, kRefused{"ECONNREFUSED", ECONNREFUSED},
    kAborted{"ECONNABORTED", ECONNABORTED}, kTooManyFiles{"EMFILE", EMFILE}, kTableFull{"ENFILE", ENFILE},
    kProtocol{"EPROTO", EPROTO}, kPermission{"EPERM", EPERM}, kNetDown{"ENETDOWN", ENETDOWN},
    kNotConnected{"ENOTCONN", ENOTCONN}, kNoEntry{"ENOENT", ENOENT}, kAlready{"EALREADY", EALREADY},
    kNotSupported{"EOPNOTSUPP", EOPNOTSUPP}, kOverflow{"EOVERFLOW", EOVERFLOW}, kBadState{"EBADFD", EBADFD};

// What the kernel may answer to each, as far as a server can come across it. A close has no error that would
// not be a bug of ours.
struct Failing {
  std::string_view name;
  Op op;
  std::vector<NamedError> errors;
};

const std::vector<Failing>& operations() {
  static const std::vector<Failing> kOperations = {
      {"submit", Op::none, {kAgain}},
      {"accept",
       Op::accept,
       {kAborted, kTooManyFiles, kTableFull, kNoBuffers, kNoMemory, kAgain, kInterrupted, kProtocol,
        kPermission, kNetDown, kHostUnreachable}},
      {"peer_address", Op::peer_address, {kNotConnected, kNoBuffers}},
      {"readable", Op::readable, {kNoMemory}},
      {"writable", Op::writable, {kNoMemory}},
      {"receive",
       Op::receive,
       {kAgain, kInterrupted, kNoBuffers, kNoMemory, kReset, kTimedOut, kPipe, kHostUnreachable,
        kNetUnreachable, kRefused}},
      {"send",
       Op::send,
       {kAgain, kInterrupted, kNoBuffers, kNoMemory, kPipe, kReset, kTimedOut, kHostUnreachable,
        kNetUnreachable}},
      {"cancel", Op::cancel, {kNoEntry, kAlready}},
      {"reset_on_close", Op::reset_on_close, {kNotSupported, kNoMemory}},
      {"wake", Op::wake, {kOverflow, kBadState, kNoMemory}},
  };
  return kOperations;
}

// Whose connections a pool may cost that finds nothing once.
struct FailingPool {
  std::string_view name;
  Pool pool;
  std::uint32_t losses;
};
constexpr std::array<FailingPool, kPools> kFailingPools = {{
    {"arena", Pool::arena, 1},
    {"receive_buffers", Pool::receive_buffers, 0},
    {"assemblies", Pool::assemblies, 1},
    {"outbox_nodes", Pool::outbox_nodes, 1},
    {"gather_memory", Pool::gather_memory, 0},
    {"mailbox", Pool::mailbox, 1},
    {"wslay_contexts", Pool::wslay_contexts, 1},
    {"topic_subscriptions", Pool::topic_subscriptions, 1},
    {"gateway_subscriptions", Pool::gateway_subscriptions, 0},
    {"channels", Pool::channels, 0},
    {"publications", Pool::publications, 0},
    {"presence", Pool::presence, 0},
}};

class Runs {
 public:
  Runs(const Script& script, std::uint64_t stride, std::string_view only)
      : script_(script), stride_(stride), only_(only) {}

  FailNthResult all() {
    count();
    for (const Failing& failing : operations()) {
      const std::uint64_t total = operations_[static_cast<std::size_t>(failing.op)];
      for (std::uint64_t nth = 1; nth <= total; nth += stride_) {
        for (const NamedError& error : failing.errors) {
          Scenario scenario = script_.write();
          scenario.planned_failure = {failing.op, nth, error.number};
          run(scenario, name(failing.name, nth, error.name));
        }
      }
    }
    for (const FailingPool& failing : kFailingPools) {
      const std::uint64_t total = claims_[static_cast<std::size_t>(failing.pool)];
      for (std::uint64_t nth = 1; nth <= total; nth += stride_) {
        Scenario scenario = script_.write();
        scenario.losses_allowed = failing.losses;
        FailPoints::plan(failing.pool, nth);
        run(scenario, name(failing.name, nth, "exhausted"));
        FailPoints::plan(failing.pool, 0);
      }
    }
    return result_;
  }

 private:
  std::string name(std::string_view what, std::uint64_t nth, std::string_view how) const {
    return std::string(script_.name) + ":" + std::string(what) + ":" + std::to_string(nth) + ":" +
           std::string(how);
  }

  // Without a failure; also a run like any other.
  void count() {
    FailPoints::plan(Pool::arena, 0);
    Simulation simulation(kSeed, script_.write());
    result_.failure = simulation.run();
    if (!result_.failure.empty()) result_.failure = std::string(script_.name) + ": " + result_.failure;
    for (const Failing& failing : operations())
      operations_[static_cast<std::size_t>(failing.op)] = simulation.world().operations(failing.op);
    for (std::size_t pool = 0; pool < kPools; ++pool)
      claims_[pool] = FailPoints::claims(static_cast<Pool>(pool));
  }

  void run(const Scenario& scenario, const std::string& what) {
    if (!result_.failure.empty() || (!only_.empty() && only_ != what)) return;
    ++result_.runs;
    base::set_check_context(nullptr, nullptr);
    Simulation simulation(kSeed, scenario);
    simulation.set_command("tools/sim --fail_nth=" + what);
    const std::string failure = simulation.run();
    if (failure.empty()) return;
    result_.failure =
        failure + "\n  in: " + simulation.describe() + "\n  repeat with: " + simulation.command();
  }

  const Script& script_;
  const std::uint64_t stride_;
  const std::string_view only_;
  std::array<std::uint64_t, ring::kOps> operations_ = {};
  std::array<std::uint64_t, kPools> claims_ = {};
  FailNthResult result_;
};

}  // namespace

FailNthResult fail_nth(const Script& script, std::uint64_t stride, std::string_view only) {
  return Runs(script, stride, only).all();
}

}  // namespace holdfast::sim
