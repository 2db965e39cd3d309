"""Nobody ever sees a byte of anybody else's: clients with patterns of their own who come and go in storms."""

import time
import unittest

from canaries import Canaries
from hostile import HostileTestCase, sized


class Canary(HostileTestCase):
    PROCESSES = sized(2, 4)
    EACH = sized(300, 5000)
    SECONDS = sized(8, 600)

    def test_everybody_gets_exactly_what_he_sent(self):
        self.need_descriptors(self.EACH)
        clients = self.PROCESSES * self.EACH
        # Room for those on their way out, so that nobody waits for a place.
        server = self.start(
            max_connections=clients + clients // 4,
            shards=2,
            handshake_timeout="60s",
            message_timeout="60s",
        )
        flocks = [Canaries(self, server, self.EACH, seed) for seed in range(self.PROCESSES)]
        for flock in flocks:
            flock.wait_until_started()
        time.sleep(self.SECONDS)
        seen = [flock.seen() for flock in flocks]
        self.assertEqual([wrong for one in seen for wrong in one["wrong"]], [])
        total = {
            name: sum(one[name] for one in seen) for name in ("tenants", "storms", "heard", "unanswered")
        }
        self.assertEqual(total["unanswered"], 0)
        self.assertGreater(total["tenants"], clients, "there was no storm")
        counters = server.wait_for(slots_in_use=0)
        self.assertEqual(counters["violations"], 0)
        self.figure(
            "canaries",
            clients=clients,
            seconds=self.SECONDS,
            tenants=total["tenants"],
            storms=total["storms"],
            answers=total["heard"],
            of_others=0,
            unanswered=0,
        )


if __name__ == "__main__":
    unittest.main()
