# SPDX-License-Identifier: BSD-2-Clause
"""The mock PKCS#11 module (tests/mock/README.md) as a token of a world.

    class Slow(world.TestCase):
        kind = "mock"
        def test_something(self):
            token = self.world.token
            token.faults("C_Sign slow 200")        # at any time
            self.assertEqual(token.count("C_Login"), 1)
"""

import os

import world

MODULE = os.path.join(world.BUILD, "tests", "mock.so")
PIN = "1234"


class Token:
    counts_wrong_pins = True
    lacks = {}  # but for what a fault takes from it

    def __init__(self, where, name=world.MAIN, **environment):
        """More variables of the mock come as keywords."""
        self.folder = where.path("mock-" + name)
        os.mkdir(self.folder, 0o700)
        self.pin_file = self.path("pin")
        self.write_pin(PIN)
        self.environment = {
            "KEYD_MOCK_TOKENS": "%s=MOCK-%s" % (name, name[:8]),
            "KEYD_MOCK_PIN": PIN,
            "KEYD_MOCK_STATE": self.path("state"),
            "KEYD_MOCK_COUNTS": self.path("counts"),
            "KEYD_MOCK_FAULTS_FILE": self.path("faults"),
            **environment,
        }
        lines = ["module: " + MODULE, "label: " + name, "pin_file: " + self.pin_file,
                 "environment:"]
        for variable, value in self.environment.items():
            lines += ["  - name: " + variable, "    value: '%s'" % value]
        where.place(name, "\n".join(lines) + "\n")

    def objects(self):
        if not os.path.exists(self.path("state")):
            return 0  # nothing was ever changed
        with open(self.path("state"), encoding="utf-8") as file:
            return len([line for line in file if line.startswith("object ")])

    def always_authenticate(self):
        """From the next start on its private keys want the PIN for each signature."""
        with open(self.path("state"), encoding="utf-8") as file:
            text = file.read()
        with open(self.path("state"), "w", encoding="utf-8") as file:
            file.write(text.replace("\n202 00\n", "\n202 01\n"))

    def end(self):
        pass

    def write_pin(self, pin):
        with open(self.pin_file, "w", encoding="utf-8") as file:
            file.write(pin + "\n")
        os.chmod(self.pin_file, 0o600)

    def path(self, name):
        return os.path.join(self.folder, name)

    def faults(self, *rules):
        """These are the faults from now on; none: all is well again."""
        with open(self.path("faults.new"), "w", encoding="utf-8") as file:
            file.write("\n".join(rules) + "\n")
        os.rename(self.path("faults.new"), self.path("faults"))

    def count(self, name):
        """Calls of a function, or happenings of a fault ("C_Sign:kill"), in all processes so far."""
        if not os.path.exists(self.path("counts")):
            return 0
        with open(self.path("counts"), encoding="utf-8") as file:
            counts = dict(line.split() for line in file)
        return int(counts.get(name, 0))
