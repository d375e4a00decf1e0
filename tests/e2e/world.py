# SPDX-License-Identifier: BSD-2-Clause
"""A world for end-to-end tests: a throw-away SoftHSM token, keyd-hsm and keyd under keyd-run.

    class Signing(world.TestCase):
        def test_a_key_signs(self):
            self.world.start()
            key = self.world.create_key("alias/mine")
            ...

Everything lives in one temporary folder and ends with the test, also when it fails.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("KEYD_BIN", os.path.join(SOURCE, "build", "bin"))
BUILD = os.path.dirname(BIN)


def program(name):
    return os.path.join(BIN, name)


def wait_for(what, seconds=15, why="it did not happen"):
    """Waits until what() gives something true, and returns that."""
    limit = time.monotonic() + seconds
    while True:
        result = what()
        if result:
            return result
        if time.monotonic() > limit:
            raise AssertionError("waited %d s: %s" % (seconds, why() if callable(why) else why))
        time.sleep(0.005)


class World:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="keyd-e2e.")
        subprocess.run([os.path.join(SOURCE, "softhsm-conf", "new-config"), self.folder],
                       check=True, stdout=subprocess.DEVNULL)
        self.socket = os.path.join(self.folder, "keyd.sock")
        self.log_path = os.path.join(self.folder, "log")
        self.runner = None
        self.helpers = []

    # -- configuration -----------------------------------------------------------------------

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def edit(self, name, change):
        """Rewrites a configuration file with change(text)."""
        with open(self.path(name)) as file:
            text = file.read()
        with open(self.path(name), "w") as file:
            file.write(change(text))

    def setting(self, name, field):
        """The value of one field of a configuration file; enough of YAML for our own files."""
        with open(self.path(name)) as file:
            value = re.search(r"^%s: *(\S.*)$" % field, file.read(), re.M).group(1).strip("'\"")
        return value if os.path.isabs(value) else os.path.join(
            os.path.dirname(self.path(name)), value)

    # -- processes ---------------------------------------------------------------------------

    def start(self, wait=True):
        """Starts all, and waits until the token is up and keyd serves."""
        before = len(self.log())
        with open(self.log_path, "a") as log:
            self.runner = subprocess.Popen(
                [program("keyd-run"), "--config", self.folder], stderr=log)
        if wait:
            for sign in ("ready: keyd and", "keyd notice: token=main ready"):
                wait_for(lambda: sign in self.log()[before:], 30, self.log)

    def stop(self):
        if self.runner is not None:
            self.runner.terminate()
            try:
                self.runner.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.runner.kill()
                self.runner.wait()
            self.runner = None

    def end(self):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        self.stop()
        shutil.rmtree(self.folder)

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def pid(self, name):
        """The pid of "keyd" or "keyd-hsm main", as it was started last."""
        return int(re.findall(r"info: %s started, pid (\d+)" % re.escape(name), self.log())[-1])

    def kill(self, name):
        os.kill(self.pid(name), signal.SIGKILL)

    def background(self, *command, **options):
        helper = subprocess.Popen(command, **options)
        self.helpers.append(helper)
        return helper

    # -- what a user types -------------------------------------------------------------------

    def keydctl(self, *arguments, check=True, **options):
        return self.run("keydctl", "--socket", self.socket, *arguments, check=check, **options)

    def run(self, name, *arguments, check=True, **options):
        done = subprocess.run([program(name), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, **options)
        if check and done.returncode != 0:
            raise AssertionError("%s %s: status %d\n%s%s\nlog:\n%s" % (
                name, " ".join(arguments), done.returncode, done.stdout, done.stderr, self.log()))
        return done

    def json(self, *arguments, **options):
        return json.loads(self.keydctl(*arguments, "--output", "json", **options).stdout)

    def create_key(self, alias=None, **options):
        arguments = ["create-key", "--key-spec", "ECC_NIST_P256"]
        if alias is not None:
            arguments += ["--alias", alias]
        return self.json(*arguments, **options)["KeyMetadata"]["KeyId"]

    def public_key(self, key_id):
        import base64
        return base64.b64decode(self.json("get-public-key", "--key-id", key_id)["PublicKey"])


class TestCase(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.end)

    def fails(self, done, status, *words):
        """The command ended with this status, and its message has these words."""
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


def main():
    sys.exit(unittest.main())
