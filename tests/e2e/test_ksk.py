#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What keyd-dnssec asks of the HSM: whole DNSKEY RRsets, so that keyd-hsm can see what it signs."""

import os
import re
import shutil

import world

ZONE = os.path.join(world.SOURCE, "tests", "data", "animalsforlife.org.zone")


class Ksk(world.TestCase):
    def setUp(self):
        super().setUp()
        self.world.edit("tokens.d/main.conf", lambda text: text + "log_level: debug\n")
        self.world.start()
        shutil.copy(ZONE, self.world.path("zone"))

    def dnssec(self, *arguments, **options):
        return self.world.run("keyd-dnssec", "--socket", self.world.socket, "--state-folder",
                              self.world.path("dnssec"), *arguments, **options)

    def test_the_whole_message_crosses_the_wall(self):
        self.dnssec("enable", "animalsforlife.org", "--zone-file", self.world.path("zone"),
                    "--key", "alias/a4lksk")
        self.dnssec("sign", "animalsforlife.org")
        signed = re.findall(r"sign OK (\w+) of (\d+) bytes", self.world.log())
        self.assertGreaterEqual(len(signed), 2)
        for kind, size in signed:
            self.assertEqual(kind, "RAW")
            # RFC 4034, 3.1.8.1: 18 bytes, the signer's name, two DNSKEYs with their owners.
            self.assertEqual(int(size), 18 + 20 + 2 * (20 + 10 + 68))

    def test_a_key_that_is_there_is_taken(self):
        key = self.world.create_key("alias/a4lksk")
        self.dnssec("enable", "animalsforlife.org", "--zone-file", self.world.path("zone"),
                    "--key", "alias/a4lksk")
        self.assertIn(key, self.dnssec("status", "animalsforlife.org").stdout)
        self.assertEqual(len(self.world.json("list-keys")["Keys"]), 1)


if __name__ == "__main__":
    world.main()
