#!/usr/bin/python3
"""Copies one source file of src/ with something planted into it, for an executable of the simulation.

plant.py NAME SOURCE OUTPUT

What is planted under a name stands in BUGS and FAIL_POINTS: texts of that one file, and what they become or
what follows them. Each text must be there exactly once, or the build fails: a change of the source that makes
a plant meaningless is noticed. The executable links the copy ahead of the library, whose own object of that
name is then not taken.

BUGS are what the simulation must find (planted_test.cc). FAIL_POINTS are pools that find nothing once, when
fail_nth.cc wants it.
"""

import sys

BUGS = {
    # Rule R3: two sends on one socket interleave. Without what keeps the second back, and without the CHECK
    # that would notice.
    "send_in_flight": [
        ("if (slot.is(net::kQueuedFlush) || slot.in_kernel(net::kSending) ||",
         "if (slot.is(net::kQueuedFlush) ||"),
        ("if (slot.in_kernel(net::kSending) || slot.in_kernel(net::kWritableArmed)) return false;",
         "if (slot.in_kernel(net::kWritableArmed)) return false;"),
        ("slot.enter_kernel(net::kSending);",
         "if (!slot.in_kernel(net::kSending)) slot.enter_kernel(net::kSending);"),
        ("slot.leave_kernel(net::kSending);",
         "if (slot.in_kernel(net::kSending)) slot.leave_kernel(net::kSending);"),
    ],
    # Rule R5: whoever names a slot must name its tenant. Here a handle is good for whoever has the slot.
    "missing_generation_check": [
        ("SendResult Shard::send(Index index, std::uint32_t generation, const Message& message) {\n"
         "  net::Slot* slot = table_.find(index, generation);\n",
         "SendResult Shard::send(Index index, std::uint32_t, const Message& message) {\n"
         "  net::Slot* slot = &table_[index];\n"),
    ],
    # A receive the kernel had no memory for: no wake-up follows, so whoever does not try again is deaf.
    "missing_rearm": [
        ("      counters_.transient_errors.add();\n"
         "      retry_.push_back(index);\n",
         "      counters_.transient_errors.add();\n"),
    ],
    # Connections of an address are counted in and not out: the count drifts until nobody is let in.
    "address_not_counted_out": [
        ("    options_.addresses->remove(peer(index));\n", ""),
    ],
    # A delta against what was not the last publication.
    "delta_against_an_older_one": [
        ("  shard_.subscribers.set_last(channel,",
         "  if (!delivery.before) shard_.subscribers.set_last(channel,"),
    ],
    # Who has missed something in a channel it did not ask for stays, and is told nothing more of it.
    "gap_kept_quiet": [
        ("    return disconnect(index, DisconnectCode::insufficient_state);\n", "    return;\n"),
    ],
    # Who is about to bring another token is closed at once.
    "no_grace_for_tokens": [
        ("client.transport().unidirectional ? 0 : seconds(settings.expired_grace);",
         "0 * seconds(settings.expired_grace);"),
    ],
}

# By source: after which text, which pool, and what a claim that finds nothing returns.
FAIL_POINTS = {
    "block_arena": [
        ("Index BlockArena::claim(std::size_t bytes) {\n", "arena", "kNoIndex"),
    ],
    "receive_pool": [
        ("Index ReceivePool::lend(bool large) {\n", "receive_buffers", "kNoIndex"),
    ],
    "assembly": [
        ("Index AssemblyPool::claim() {\n", "assemblies", "kNoIndex"),
    ],
    "outbox": [
        ("bool Outbox::push(Slot& slot, Index frame) {\n", "outbox_nodes", "false"),
        ("std::span<const std::byte> Outbox::gather(Slot& slot) {\n", "gather_memory", "{}"),
    ],
    "mailbox": [
        ("bool Mailbox::push(const Letter& letter) {\n", "mailbox", "false"),
    ],
    "context_pool": [
        ("Index ContextPool::claim() {\n", "wslay_contexts", "kNoIndex"),
    ],
    "topics": [
        ("  CHECK(valid_topic_name(name));\n"
         "  const auto found = by_name_.find(name);\n"
         "  if (found != by_name_.end() && find_of_connection(connection_head, found->second) != kNoIndex)\n"
         "    return Added::no;\n", "topic_subscriptions", "Added::no"),
    ],
    "subscribers": [
        ("  if (standing.count >= channels_per_client) return {Subscribed::Outcome::client_full, false, "
         "kNoIndex};\n",
         "gateway_subscriptions", "{Subscribed::Outcome::too_many_on_shard, false, kNoIndex}"),
    ],
    "channel_lifetime": [
        ("Index ChannelHome::make(std::string_view channel) {\n", "channels", "kNoIndex"),
    ],
    "publication": [
        ("  if (!fits(content)) return {};\n", "publications", "{}"),
    ],
    "presence": [
        ("bool Presence::join(const ClientId& id, const Member& member, ConnectionId owner) {\n",
         "presence", "false"),
    ],
}


def replacements(name):
    if name in BUGS:
        return BUGS[name]
    return [(text, f"{text}  if (sim::FailPoints::fails(sim::Pool::{pool})) return {result};\n")
            for text, pool, result in FAIL_POINTS[name]]


def planted(name, text):
    for before, after in replacements(name):
        if text.count(before) != 1:
            sys.exit(f"plant.py: {name}: its source has this {text.count(before)} times, not once:\n{before}")
        text = text.replace(before, after)
    return text if name in BUGS else f'#include "fail_point.h"\n{text}'


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in {**BUGS, **FAIL_POINTS}:
        sys.exit("usage: plant.py NAME SOURCE OUTPUT")
    name, source, output = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        text = planted(name, file.read())
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
