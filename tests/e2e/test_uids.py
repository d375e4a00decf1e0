#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may speak to whom: the kernel says who a caller is. Needs root, to be somebody else."""

import os
import shutil
import subprocess

import world

STRANGER, HSM, FRONT = 65534, 65532, 65533  # root's to be; no accounts are needed

# Says whether the other side of a SEQPACKET socket has anything to say to us.
PROBE = """
import socket, sys
wall = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
wall.connect(sys.argv[1])
wall.settimeout(5)
try:
    wall.send(b"\\x04\\0\\0\\0\\x52\\x02\\x08\\x01")  # one frame: Hello, version 1
    print("closed" if wall.recv(100) == b"" else "answered")
except (BrokenPipeError, ConnectionResetError):
    print("closed")
"""


def as_user(uid, *command):
    return ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", *command]


class Uids(world.TestCase):
    kind = "softhsm"

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        super().setUp()
        os.chmod(self.world.folder, 0o755)
        # Where anybody may read them: the build itself may lie below a folder that only root enters.
        for name in ("bin", "lib"):
            shutil.copytree(os.path.join(world.BUILD, name), self.world.path("installed", name),
                            symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", self.world.path("installed")], check=True)

    def installed(self, name):
        return self.world.path("installed", "bin", name)

    def as_stranger(self, *command):
        return subprocess.run(as_user(STRANGER, *command), text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_stranger_is_told_that_he_is_one(self):
        self.world.start()
        self.world.create_key("alias/one")
        done = self.as_stranger(self.installed("keydctl"), "--socket", self.world.socket, "sign",
                                "--key-id", "alias/one", "--message", "x")
        self.fails(done, 3, str(STRANGER), "allow")
        done = self.as_stranger(self.installed("keydctl"), "--socket", self.world.socket, "status")
        self.fails(done, 3)

    def test_who_is_allowed_is_known_by_uid(self):
        self.world.edit("keyd.conf", lambda text: text.replace(
            "allow:\n", "allow:\n  - uid: %d\n" % STRANGER, 1))
        self.world.start()
        self.world.create_key("alias/one")
        done = self.as_stranger(self.installed("keydctl"), "--socket", self.world.socket, "status",
                                "--output", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"uid:%d"' % STRANGER, done.stdout)

    def two_users(self):
        """keyd-hsm and keyd, each as a user of its own, as in production."""
        os.chmod(self.world.folder, 0o1777)
        os.chmod(self.world.path("tokens.d"), 0o755)
        for path, user in (("token", HSM), ("state-hsm-main", HSM), ("tokens.d/main.conf", HSM),
                           ("state-keyd", FRONT), ("keyd.conf", FRONT)):
            subprocess.run(["chown", "-R", str(user), self.world.path(path)], check=True)
        self.world.edit("tokens.d/main.conf", lambda text: text.replace(
            "front: 0\n", "front: %d\n" % FRONT))
        log = open(self.world.log_path, "a")
        self.addCleanup(log.close)
        self.hsm, _ = (
            self.world.background(*as_user(user, self.installed(program), "--config",
                                           self.world.path(config)), stderr=log)
            for user, program, config in ((HSM, "keyd-hsm", "tokens.d/main.conf"),
                                          (FRONT, "keyd", "keyd.conf")))
        world.wait_for(lambda: "token=main ready" in self.world.log(), why=self.world.log)

    def test_two_uids_are_a_wall(self):
        self.two_users()
        key = self.world.create_key("alias/one")
        self.world.keydctl("sign", "--key-id", key, "--message", "x")
        self.assertNotIn("no wall", self.world.keydctl("status").stdout)

        # The wall takes its front and nobody else, and the front is not disturbed.
        probe = subprocess.run(as_user(STRANGER, "/usr/bin/python3", "-c", PROBE,
                                       self.world.setting("tokens.d/main.conf", "socket")),
                               timeout=30, stdout=subprocess.PIPE, text=True)
        self.assertEqual(probe.stdout, "closed\n")
        self.assertIn("uid=%d" % STRANGER, self.world.log())
        self.world.keydctl("sign", "--key-id", key, "--message", "x")

        # Nobody but root looks into keyd-hsm, not even its own user (PR_SET_DUMPABLE, proc(5)).
        self.assertEqual(os.stat("/proc/%d" % self.hsm.pid).st_uid, HSM)
        self.assertEqual(os.stat("/proc/%d/mem" % self.hsm.pid).st_uid, 0)

        # And the front has no way to the PIN or the journal.
        for file in (self.world.setting("tokens.d/main.conf", "pin_file"),
                     self.world.path("state-hsm-main", "journal")):
            done = subprocess.run(as_user(FRONT, "cat", file), stderr=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE)
            self.assertNotEqual(done.returncode, 0, file)
            self.assertEqual(done.stdout, b"")

    def test_one_uid_is_no_wall(self):
        self.world.start()
        self.assertIn("no wall", self.world.keydctl("status").stdout)


if __name__ == "__main__":
    world.main()
