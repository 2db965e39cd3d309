"""Files of tests run side by side, and all of them want the Node packages: one of them installs these."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
# As npm does: what is there goes first, and for a while nothing is.
NPM = f"""#!{sys.executable}
import json, pathlib, shutil, time
with open("installed", "a") as file:
    file.write("once\\n")
shutil.rmtree("node_modules", ignore_errors=True)
time.sleep(0.5)
for name, version in json.load(open("package.json"))["dependencies"].items():
    folder = pathlib.Path("node_modules", name)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({{"version": version}}))
"""


class NodePackages(unittest.TestCase):
    def test_are_installed_once_however_many_want_them_at_a_time(self):
        with tempfile.TemporaryDirectory(prefix="holdfast-packages-") as name:
            folder = pathlib.Path(name)
            for file in ("node_packages.py", "package.json", "package-lock.json"):
                shutil.copy(FOLDER / file, folder)
            for program, text in (("npm", NPM), ("node", "#!/bin/sh\n")):
                (folder / program).write_text(text)
                (folder / program).chmod(0o755)
            env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
            script = "import node_packages; node_packages.need_node_packages()"
            children = [
                subprocess.Popen([sys.executable, "-c", script], cwd=folder, env=env) for _ in range(4)
            ]
            codes = [child.wait(60.0) for child in children]
            self.assertEqual(codes, [0, 0, 0, 0])
            self.assertEqual((folder / "installed").read_text(), "once\n")


if __name__ == "__main__":
    unittest.main()
