"""Packages of peers, by npm, each installed once, at a fixed version, in a folder of the build directory."""
import os
import subprocess

from programs import Failed

INSTALL_S = 300


def installed(build, package, version, folder, beside=()):
    """The folder of the package, installed if it is not there yet."""
    place = os.path.join(build, "perf", "peers", folder)
    package_folder = os.path.join(place, "node_modules", *package.split("/"))
    if not os.path.exists(os.path.join(package_folder, "package.json")):
        os.makedirs(place, exist_ok=True)
        command = ["npm", "install", "--prefix", place, "--no-audit", "--no-fund", "--no-package-lock",
                   f"{package}@{version}", *beside]
        try:
            subprocess.run(command, cwd=place, check=True, timeout=INSTALL_S, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True)
        except (OSError, subprocess.SubprocessError) as error:
            why = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            raise Failed(f"{package} {version} could not be installed ({why})") from error
    return package_folder
