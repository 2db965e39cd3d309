"""Lets the tests import the modules of perf/, and loads the stored run they are about.

sample_run.json is what holdfast-swarm wrote in a run of 5,000 connections with the phases of perf/million.
"""

import json
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PERF = REPOSITORY / "perf"
sys.path[:0] = [str(PERF / folder) for folder in ("lib", "report", "core", "compare")]


def sample_run():
    with open(pathlib.Path(__file__).resolve().parent / "sample_run.json", encoding="utf-8") as file:
        return json.load(file)
