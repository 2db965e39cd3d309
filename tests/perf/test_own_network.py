"""The network namespace of perf/million: what it is sized for, and that the host's is not touched."""

import os
import unittest

from perf_modules import PERF  # noqa: F401  (puts perf/lib on the path)
import own_network


def in_a_child(run):
    """What run() returned there, so that this process stays where it is."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        text = "died"
        try:
            text = run()
        finally:
            os.write(writes, text.encode())
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


class OwnNetwork(unittest.TestCase):
    def test_a_table_has_a_chain_for_each_socket_and_never_fewer_than_the_hosts(self):
        self.assertEqual(own_network.chains_for(2_000_000), max(1 << 21, own_network.chains_now() or 0))
        self.assertEqual(own_network.chains_for(1 << 30), own_network.CHAINS_MOST)
        self.assertGreaterEqual(own_network.chains_for(1), own_network.chains_now() or 1)

    def test_the_namespace_has_the_table_and_loopback_and_the_host_keeps_its_own(self):
        def settings():
            with open(own_network.ENTRIES_OF_CHILDREN) as of_children:
                return own_network.chains_now(), of_children.read()

        if not os.path.exists(own_network.ENTRIES_OF_CHILDREN):
            self.skipTest("no tables of a namespace's own on this kernel")
        at_first = settings()
        before = own_network.chains_now()
        sockets = 2 * (before or 1 << 18)

        def run():
            obstacle = own_network.enter(sockets)
            if obstacle:
                return "obstacle: " + obstacle
            with open("/sys/class/net/lo/flags") as text:
                up = int(text.read(), 16) & 1
            return f"{own_network.chains_now()} {up}"

        found = in_a_child(run)
        if found.startswith("obstacle"):
            self.skipTest(found)
        self.assertEqual(found.split()[0], str(own_network.chains_for(sockets)))
        self.assertEqual(settings(), at_first)

    def test_what_is_not_permitted_leaves_the_process_where_it_was(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give up being root")

        def run():
            before = os.readlink(own_network.OWN_NAMESPACE)
            os.setuid(65534)
            obstacle = own_network.enter(1000)
            after = os.readlink(own_network.OWN_NAMESPACE) if os.access("/proc/self/ns", os.R_OK) else before
            return f"{bool(obstacle)} {before == after}"

        self.assertEqual(in_a_child(run), "True True")


if __name__ == "__main__":
    unittest.main()
