"""A memory cgroup (v1) around one server: what it may have of memory, and of memory for its sockets.

Needs root and a mounted controller; skips the test without them.
"""

import os

ROOT = "/sys/fs/cgroup/memory"


class MemoryGroup:
    def __init__(self, case, server, **limits):
        """A limit is named as its file, without the word memory in front; __ stands for a point."""
        if os.geteuid() != 0:
            case.skipTest("a memory cgroup needs root")
        if not os.path.exists(f"{ROOT}/memory.limit_in_bytes"):
            case.skipTest(f"no memory controller of cgroup v1 is mounted at {ROOT}")
        self.folder = f"{ROOT}/holdfast-test-{server.child.pid}"
        try:
            os.mkdir(self.folder)
            case.addCleanup(os.rmdir, self.folder)  # after the end of the server
            for name, value in limits.items():
                self.write("memory." + name.replace("__", "."), value)
            self.write("cgroup.procs", server.child.pid)
        except OSError as error:
            case.skipTest(f"no memory cgroup can be made: {error}")

    def write(self, name, value):
        with open(f"{self.folder}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def read(self, name):
        with open(f"{self.folder}/{name}", encoding="ascii") as file:
            return file.read()
