"""Where the programs of a measurement come from: build/ of the checkout, made with the set-up of tools/, or a
build directory that is there.
"""
import os
import subprocess
import sys

from programs import Failed

LIB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIB))
BUILD_S = 1800


def program(build, path):
    found = os.path.join(build, path)
    if not os.access(found, os.X_OK):
        raise Failed(f"{os.path.basename(path)} is not in the build directory: "
                     f"meson setup {build} -Dperf=true && ninja -C {build}")
    return found


def built(build, targets, packages=()):
    """The build directory with these targets in it; without `build` they are built first."""
    if build is None:
        sys.stdout.flush()
        command = [os.path.join(LIB, "build_programs"), *packages, "--", *targets]
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True, timeout=BUILD_S)
        except subprocess.SubprocessError as error:
            raise Failed("the programs could not be built; what went wrong stands above") from error
        build = os.path.join(ROOT, "build")
    build = os.path.abspath(build)
    for target in targets:
        program(build, target)
    return build
