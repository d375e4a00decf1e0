#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may speak to whom: the kernel says who a caller is. Needs root, to be somebody else."""

import os
import subprocess

import world

STRANGER = 65534


class Uids(world.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        super().setUp()
        os.chmod(self.world.folder, 0o755)

    def as_stranger(self, *command):
        return subprocess.run(["setpriv", "--reuid", str(STRANGER), "--regid", str(STRANGER),
                               "--clear-groups", *command], text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_stranger_is_told_that_he_is_one(self):
        self.world.start()
        self.world.create_key("alias/one")
        done = self.as_stranger(world.program("keydctl"), "--socket", self.world.socket, "sign",
                                "--key-id", "alias/one", "--message", "x")
        self.fails(done, 3, str(STRANGER), "allow")
        done = self.as_stranger(world.program("keydctl"), "--socket", self.world.socket, "status")
        self.fails(done, 3)

    def test_who_is_allowed_is_known_by_uid(self):
        self.world.edit("keyd.conf", lambda text: text.replace(
            "allow:\n", "allow:\n  - uid: %d\n" % STRANGER, 1))
        self.world.start()
        self.world.create_key("alias/one")
        done = self.as_stranger(world.program("keydctl"), "--socket", self.world.socket, "status",
                                "--output", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"uid:%d"' % STRANGER, done.stdout)

    def test_the_wall_takes_its_front_only(self):
        self.world.start()
        wall = self.world.setting("tokens.d/main.conf", "socket")
        probe = ("import socket,sys\n"
                 "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                 "s.connect(sys.argv[1])\n"
                 "s.settimeout(5)\n"
                 "try:\n"
                 "    s.send(b'\\x02\\0\\0\\0\\x52\\0')\n"
                 "    sys.exit(len(s.recv(100)))\n"
                 "except (BrokenPipeError, ConnectionResetError):\n"
                 "    sys.exit(0)\n")
        os.chmod(os.path.dirname(wall), 0o755)
        done = self.as_stranger("/usr/bin/python3", "-c", probe, wall)
        self.assertEqual(done.returncode, 0, done.stderr)
        world.wait_for(lambda: str(STRANGER) in self.world.log(), why=self.world.log)
        # The front that was there is not disturbed.
        self.world.create_key("alias/one")

    def test_one_uid_is_no_wall(self):
        self.world.start()
        self.assertIn("no wall", self.world.keydctl("status").stdout)


if __name__ == "__main__":
    world.main()
