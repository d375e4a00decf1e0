# SPDX-License-Identifier: BSD-2-Clause
"""The mock PKCS#11 module (tests/mock/README.md) in place of a world's SoftHSM token.

    token = mock.Mock(self.world)          # before self.world.start()
    token.faults("C_Sign slow 200")        # at any time
    self.assertEqual(token.count("C_Login"), 1)
"""

import os
import re

import world

MODULE = os.path.join(world.BUILD, "tests", "mock.so")
PIN = "1234"


class Mock:
    def __init__(self, where, name="main", **environment):
        """Rewrites tokens.d/NAME.conf. More variables of the mock come as keywords."""
        self.folder = where.path("mock-" + name)
        os.mkdir(self.folder, 0o700)
        conf = "tokens.d/%s.conf" % name
        label = where.setting(conf, "label")
        pin_file = where.setting(conf, "pin_file")
        variables = {
            "KEYD_MOCK_TOKENS": "%s=%s" % (os.path.basename(label), "MOCK-" + name[:8]),
            "KEYD_MOCK_PIN": PIN,
            "KEYD_MOCK_STATE": self.path("state"),
            "KEYD_MOCK_COUNTS": self.path("counts"),
            "KEYD_MOCK_FAULTS_FILE": self.path("faults"),
            **environment,
        }
        where.edit(conf, lambda text: self.configuration(text, variables))
        with open(pin_file, "w", encoding="utf-8") as file:
            file.write(PIN + "\n")

    @staticmethod
    def configuration(text, variables):
        text = re.sub(r"^environment:\n(?:[ -].*\n)*", "", text, flags=re.M)
        text = re.sub(r"^module:.*$", "module: " + MODULE, text, flags=re.M)
        lines = ["environment:"]
        for variable, value in variables.items():
            lines += ["- name: " + variable, "  value: '%s'" % value]
        return text + "\n".join(lines) + "\n"

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
