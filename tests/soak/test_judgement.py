#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What scripts/soak says of the servers afterwards: memory and descriptors that grow are found."""

import argparse
import importlib.machinery
import importlib.util
import os
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load():
    loader = importlib.machinery.SourceFileLoader("soak", os.path.join(SOURCE, "scripts", "soak"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("soak", loader))
    loader.exec_module(module)
    return module


soak = load()


class Judgement(unittest.TestCase):
    def judge(self, minutes=10, keys=2400, signatures=800000, descriptors=0, **grown_kib):
        """Judges a run in which so much was made, and memory has grown by so much."""
        run = soak.Soak(argparse.Namespace(minutes=minutes, token="softhsm", signers=4), None)
        for name, part in (("start", 0), ("half", 0.5), ("end", 1)):
            run.samples[name] = {
                "keys": int(keys * part), "signatures": int(signatures * part),
                "processes": {process: {
                    "rss_kib": 20000 + int(grown_kib.get(process.split()[0].replace("-", "_"), 0)
                                           * part),
                    "descriptors": None if descriptors is None else 20 + int(descriptors * part)}
                              for process in soak.PROCESSES}}
        run.judge_usage()

    def test_what_the_keys_account_for(self):
        self.judge(keyd=2500, keyd_hsm=47500)  # seen on SoftHSM
        self.judge(descriptors=None)

    def test_a_leak_of_a_few_bytes_a_signature(self):
        for process, bytes_each in (("keyd", 16), ("keyd_hsm", 100)):
            seen = {"keyd": 2500, "keyd_hsm": 47500}
            seen[process] += 800000 * bytes_each // 1024
            with self.assertRaisesRegex(soak.Failed, process.replace("_", "-") + " .*has grown by"):
                self.judge(**seen)

    def test_a_short_run_says_nothing_of_memory(self):
        self.judge(minutes=0.1, keys=30, signatures=10000, keyd_hsm=400000)

    def test_descriptors(self):
        with self.assertRaisesRegex(soak.Failed, "keyd has 9 descriptors more"):
            self.judge(descriptors=9)
        with self.assertRaisesRegex(soak.Failed, "descriptors more"):
            self.judge(minutes=0.1, descriptors=9)


if __name__ == "__main__":
    unittest.main()
