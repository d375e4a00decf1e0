#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""softhsm-conf/ makes tokens that log in with the PIN in their file and no other, keeps the files to
their owner, and never touches a token that is there."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONF = os.path.join(TREE, "softhsm-conf")
BIN = os.environ.get("KEYD_BIN", "")
sys.path.insert(0, CONF)
import softhsm  # noqa: E402

CKU_USER = 1
CKR_PIN_INCORRECT = 0xA0


def run(script, *arguments):
    return subprocess.run([os.path.join(CONF, script), *arguments], capture_output=True, text=True,
                          check=False)


def snapshot(folder):
    """Every file's mode and content."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[path] = (stat.S_IMODE(os.lstat(path).st_mode), file.read())
    return found


def login(folder, pin):
    """C_Login's answer on the token in folder: in a process of its own, for its own configuration."""
    script = (
        "import ctypes, sys; sys.path.insert(0, sys.argv[1]); import softhsm\n"
        "with softhsm.Module(softhsm.find_module()) as module:\n"
        "    session = ctypes.c_ulong(0)\n"
        "    module.call('C_OpenSession', module.slots()[0], ctypes.c_ulong(6), None, None,\n"
        "                ctypes.byref(session))\n"
        "    pin = sys.stdin.read().encode()\n"
        f"    print(module.library.C_Login(session, ctypes.c_ulong({CKU_USER}), pin,\n"
        "                                 ctypes.c_ulong(len(pin))))\n")
    conf = os.path.join(folder, "softhsm2.conf")
    made = subprocess.run(["/usr/bin/python3", "-B", "-c", script, CONF], input=pin, text=True,
                          env={**os.environ, "SOFTHSM2_CONF": conf}, capture_output=True, check=True)
    return int(made.stdout)


class SofthsmConf(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="keyd softhsm.")
        self.addCleanup(shutil.rmtree, self.work)
        self.folder = os.path.join(self.work, "a token")

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def test_token(self):
        made = run("new-token", self.folder, "my label")
        self.assertEqual(made.returncode, 0, made.stderr)
        pin, so_pin = self.read("user-pin").strip(), self.read("so-pin").strip()
        self.assertNotEqual(pin, so_pin)
        self.assertGreaterEqual(len(pin), 32)
        for text in (pin, so_pin):
            self.assertNotIn(text, made.stdout + made.stderr)
        for path, (mode, _) in snapshot(self.folder).items():
            self.assertEqual(mode & 0o077, 0, path)
        self.assertEqual(login(self.folder, pin), 0)
        self.assertEqual(login(self.folder, so_pin), CKR_PIN_INCORRECT)
        for said in ("my label", "pin_file", "SOFTHSM2_CONF", softhsm.find_module()):
            self.assertIn(said, made.stdout)

    def test_a_token_is_never_touched(self):
        self.assertEqual(run("new-token", self.folder).returncode, 0)
        before = snapshot(self.folder)
        again = run("new-token", self.folder)
        self.assertEqual(again.returncode, 1)
        self.assertIn("has a token already", again.stderr)
        self.assertEqual(snapshot(self.folder), before)

    def test_two_tokens_differ(self):
        pins = set()
        for name in ("one", "two"):
            self.folder = os.path.join(self.work, name)
            self.assertEqual(run("new-token", self.folder).returncode, 0)
            pins |= {self.read("user-pin"), self.read("so-pin")}
        self.assertEqual(len(pins), 4)

    def test_refusals(self):
        for arguments, said in [((self.folder, "x" * 33), "1 to 32 bytes"),
                                ((self.folder, ""), "1 to 32 bytes"),
                                ((self.folder + "#", "x"), "#"),
                                ((self.folder, "x", "--module", "/nonexistent.so"), "/nonexistent.so")]:
            with self.subTest(arguments=arguments):
                refused = run("new-token", *arguments)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(said, refused.stderr)
                self.assertEqual(snapshot(self.work), {})

    def test_config(self):
        self.folder = os.path.join(self.work, "conf")
        made = run("new-config", self.folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        before = snapshot(self.folder)
        for path, (mode, _) in before.items():
            self.assertEqual(mode & 0o077, 0, path)
        again = run("new-config", self.folder)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is left as it is", again.stderr)
        self.assertEqual(snapshot(self.folder), before)
        for program, name in (("keyd", "keyd.conf"), ("keyd-hsm", "tokens.d/main.conf")):
            path = os.path.join(BIN, program)
            if BIN and os.path.exists(path):
                judged = subprocess.run([path, "--check-config", "--config",
                                         os.path.join(self.folder, name)],
                                        capture_output=True, text=True, check=False)
                self.assertEqual(judged.returncode, 0, judged.stderr)

    def test_config_in_too_long_a_path(self):
        refused = run("new-config", os.path.join(self.work, "x" * 100))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("at most 107 bytes", refused.stderr)
        self.assertEqual(snapshot(self.work), {})


if __name__ == "__main__":
    unittest.main()
