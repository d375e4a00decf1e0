# SPDX-License-Identifier: BSD-2-Clause
"""A world for end-to-end tests: a throw-away token, keyd-hsm and keyd under keyd-run.

    class Signing(world.TestCase):
        def test_a_key_signs(self):
            self.world.start()
            key = self.world.create_key("alias/mine")
            ...

The token is of the kind that KEYD_TEST_TOKEN names, or of SoftHSM; a test that needs a certain one
says so with `kind`. More tokens come by World.add_token, each with a keyd-hsm of its own.

Everything lives in one temporary folder and ends with the test, also when it fails.
"""

import glob
import importlib
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
MAIN = "main"  # the token that each world has, and the default one


def program(name):
    return os.path.join(BIN, name)


def wait_for(what, seconds=15, why="it did not happen"):
    """Waits until what() gives something true, and returns that. Between two tries it sleeps longer
    than a try takes: one that runs keydctl would else keep a core from those who are waited for."""
    limit = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        result = what()
        if result:
            return result
        ended = time.monotonic()
        if ended > limit:
            raise AssertionError("waited %d s: %s" % (seconds, why() if callable(why) else why))
        time.sleep(min(max(0.005, 2 * (ended - began)), 0.25))


def freeze(pid):
    """Stops a process; when this returns each of its threads stands. (One that has to wait for a core
    would else go on meanwhile.)"""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: states(pid) <= {"T"}, why=lambda: "%d: %s" % (pid, states(pid)))


def states(pid):
    """Of all threads: R, S, T..."""
    found = set()
    for path in glob.glob("/proc/%d/task/*/stat" % pid):
        with open(path) as file:
            found.add(file.read().rsplit(")", 1)[1].split()[0])
    return found


class SoftHSM:
    """A token of the real SoftHSM."""

    counts_wrong_pins = True  # CKF_USER_PIN_COUNT_LOW

    lacks = {}

    def __init__(self, where, name):
        self.folder = where.path("token" if name == MAIN else "token-" + name)
        self.environment = {"SOFTHSM2_CONF": os.path.join(self.folder, "softhsm2.conf")}
        if name == MAIN:
            return  # softhsm-conf/new-config has made it, as it does for users
        made = subprocess.run([os.path.join(SOURCE, "softhsm-conf", "new-token"), self.folder,
                               name], check=True, stdout=subprocess.PIPE, text=True).stdout
        where.place(name, made.split(".conf:\n\n")[1])

    def objects(self):
        return len([path for path in glob.glob(self.folder + "/**/*.object", recursive=True)
                    if os.path.basename(path) != "token.object"])

    def end(self):
        pass


def kind_of(name):
    """The class of a kind of token: SoftHSM, or Token of the module with that name beside this one.
    Token(world, NAME) makes one and places it; `environment` is what other programs need to use it;
    objects() counts what it holds; lacks has the key specs and algorithms that it does not offer, and
    how it says so; counts_wrong_pins: it shows that there was one; end() ends what it has started."""
    return SoftHSM if name == "softhsm" else importlib.import_module(name).Token


class World:
    def __init__(self, kind=None):
        self.folder = tempfile.mkdtemp(prefix="keyd-e2e.")
        subprocess.run([os.path.join(SOURCE, "softhsm-conf", "new-config"), self.folder],
                       check=True, stdout=subprocess.DEVNULL)
        self.socket = os.path.join(self.folder, "keyd.sock")
        self.log_path = os.path.join(self.folder, "log")
        self.runner = None
        self.helpers = []
        self.tokens = {}
        self.add_token(MAIN, kind or os.environ.get("KEYD_TEST_TOKEN", "softhsm"))

    # -- tokens ------------------------------------------------------------------------------

    @property
    def token(self):
        return self.tokens[MAIN]

    def add_token(self, name, kind="softhsm"):
        """One more token with its keyd-hsm, before start()."""
        self.tokens[name] = kind_of(kind)(self, name)
        return self.tokens[name]

    def place(self, name, settings):
        """The token's part of tokens.d/NAME.conf is `settings`; keyd.conf has the token."""
        socket = self.path("hsm-%s.sock" % name)
        with open(self.path("tokens.d", name + ".conf"), "w") as file:
            file.write("%ssocket: %s\nfront: %d\nstate_folder: %s\n" % (
                settings, socket, os.getuid(), self.path("state-hsm-" + name)))
        entry = "  - name: %s\n    socket: %s\n" % (name, socket)
        self.edit("keyd.conf", lambda text: text if entry.split("\n")[0] in text else
                  text.replace("default_token:", entry + "default_token:"))

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
        """Starts all, and waits until keyd serves and every token is up."""
        before = len(self.log())
        with open(self.log_path, "a") as log:
            self.runner = subprocess.Popen(
                [program("keyd-run"), "--config", self.folder], stderr=log)
        if wait:
            signs = ["keyd notice: token=%s ready" % name for name in self.tokens]
            for sign in ["ready: keyd and"] + signs:
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
        for token in self.tokens.values():
            token.end()
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

    def label(self):
        return os.path.basename(self.setting("tokens.d/main.conf", "label"))

    def pkcs11_tool(self, *arguments):
        """Another program at work on the main token, as its user: what it prints."""
        module = self.setting("tokens.d/main.conf", "module")
        with open(self.setting("tokens.d/main.conf", "pin_file")) as file:
            environment = {**os.environ, **self.token.environment, "PIN": file.read().strip()}
        # A module with a sanitizer wants its runtime there before all else.
        runtime = re.findall(r"/\S*san\.so\S*", subprocess.run(
            ["ldd", module], check=True, stdout=subprocess.PIPE, text=True).stdout)
        if runtime:
            environment.update(LD_PRELOAD=":".join(runtime), ASAN_OPTIONS="detect_leaks=0")
        return subprocess.run(
            ["pkcs11-tool", "--module", module, "--token-label", self.label(), "--login", "--pin",
             "env:PIN", *arguments], check=True, env=environment, stdout=subprocess.PIPE,
            text=True).stdout

    def run(self, name, *arguments, check=True, **options):
        done = subprocess.run([program(name), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, **options)
        if check and done.returncode != 0:
            raise AssertionError("%s %s: status %d\n%s%s\nlog:\n%s" % (
                name, " ".join(arguments), done.returncode, done.stdout, done.stderr, self.log()))
        return done

    def json(self, *arguments, **options):
        return json.loads(self.keydctl(*arguments, "--output", "json", **options).stdout)

    def create_key(self, alias=None, token=MAIN, **options):
        arguments = ["create-key", "--key-spec", "ECC_NIST_P256", "--token", token]
        if alias is not None:
            arguments += ["--alias", alias]
        return self.json(*arguments, **options)["KeyMetadata"]["KeyId"]

    def public_key(self, key_id):
        import base64
        return base64.b64decode(self.json("get-public-key", "--key-id", key_id)["PublicKey"])


class TestCase(unittest.TestCase):
    kind = None  # of token: any will do

    def setUp(self):
        self.world = World(self.kind)
        self.addCleanup(self.world.end)

    def fails(self, done, status, *words):
        """The command ended with this status, and its message has these words."""
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


def main():
    sys.exit(unittest.main())
