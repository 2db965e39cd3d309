"""Runs the unittest cases of one file and writes how many passed, failed and were skipped, as JSON.

count_python_tests.py FILE RESULT: FILE may import its neighbours. Used by tools/run_tests.py.
"""

import json
import os
import sys
import unittest


def main(path, result_path):
    folder, name = os.path.split(os.path.abspath(path))
    sys.path.insert(0, folder)
    suite = unittest.defaultTestLoader.loadTestsFromName(name.removesuffix(".py"))
    if suite.countTestCases() == 0:
        print(f"{path} has no test cases")
        return 1
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    # One case can fail several times, in its subtests: what counts are cases.
    cases = {getattr(case, "test_case", case) for case, _ in result.failures + result.errors}
    failed = len(cases) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    passed = max(0, result.testsRun - failed - skipped)
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump({"passed": passed, "failed": failed, "skipped": skipped}, file)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
