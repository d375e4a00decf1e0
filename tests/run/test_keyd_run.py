#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""keyd-run with stand-ins for the daemons: what dies is started again, what ends leaves nothing."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("KEYD_BIN", os.path.join(SOURCE, "build", "bin"))

DAEMON = """#!/usr/bin/python3
import os, signal, socket, sys, time
config = sys.argv[sys.argv.index("--config") + 1]
behaviour = open(config).read().strip()
with open(config + ".starts", "a") as starts:
    starts.write("%d %f\\n" % (os.getpid(), time.monotonic()))
with open(config + ".open", "w") as found:
    for fd in (0, 37):
        try:
            found.write("%d=%s " % (fd, os.pread(fd, 100, 0).decode()))
        except OSError:
            found.write("%d: none " % fd)
if behaviour == "bad":
    sys.exit(2)
if behaviour == "dies":
    sys.exit(1)
if behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
name = os.environ["NOTIFY_SOCKET"].replace("@", "\\0")
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", name)
signal.pause()
"""


class KeydRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="keyd-run-test.")
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(os.path.join(BIN, "keyd-run"), self.folder)
        for name in ("keyd", "keyd-hsm"):
            path = os.path.join(self.folder, name)
            with open(path, "w") as program:
                program.write(DAEMON)
            os.chmod(path, 0o755)
        os.mkdir(os.path.join(self.folder, "tokens.d"))

    def configure(self, **tokens):
        self.write("keyd.conf", tokens.pop("front", "serves"))
        for name, behaviour in tokens.items():
            self.write("tokens.d/%s.conf" % name, behaviour)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def run_it(self, **options):
        with open(os.path.join(self.folder, "log"), "w") as log:
            run = subprocess.Popen(
                [os.path.join(self.folder, "keyd-run"), "--config", self.folder], stderr=log,
                **options)
        self.addCleanup(self.end, run)
        return run

    @staticmethod
    def end(run):
        if run.poll() is None:
            run.kill()
        run.wait()

    def starts(self, name):
        try:
            with open(os.path.join(self.folder, name + ".starts")) as file:
                return [(int(pid), float(at)) for pid, at in (line.split() for line in file)]
        except FileNotFoundError:
            return []

    def log(self):
        with open(os.path.join(self.folder, "log")) as file:
            return file.read()

    def wait_for(self, what, seconds=10):
        limit = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), limit, "waited too long; log:\n" + self.log())
            time.sleep(0.01)

    def assert_gone(self, pid):
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def test_runs_all_and_ends_all(self):
        self.configure(main="serves", backup="serves")
        run = self.run_it()
        self.wait_for(lambda: "ready: keyd and 2 keyd-hsm" in self.log())
        run.terminate()
        self.assertEqual(run.wait(timeout=10), 0)
        for name in ("keyd.conf", "tokens.d/main.conf", "tokens.d/backup.conf"):
            self.assert_gone(self.starts(name)[0][0])

    def found_open(self, name):
        with open(os.path.join(self.folder, name + ".open")) as file:
            return file.read()

    def test_an_open_pin_is_for_keyd_hsm_alone(self):
        self.configure(main="serves")
        self.write("pin", "1234")
        with open(os.path.join(self.folder, "pin")) as pin:
            os.dup2(pin.fileno(), 37, inheritable=True)
            self.addCleanup(os.close, 37)
            self.run_it(stdin=pin, close_fds=False)
        self.wait_for(lambda: "ready:" in self.log())
        self.assertEqual(self.found_open("tokens.d/main.conf"), "0=1234 37=1234 ")
        self.assertEqual(self.found_open("keyd.conf"), "0= 37: none ")
        os.unlink(os.path.join(self.folder, "tokens.d/main.conf.open"))
        os.kill(self.starts("tokens.d/main.conf")[0][0], signal.SIGKILL)
        self.wait_for(lambda: self.log().count("keyd-hsm main started") == 2)
        self.wait_for(lambda: os.path.exists(
            os.path.join(self.folder, "tokens.d/main.conf.open")) and
            self.found_open("tokens.d/main.conf") == "0=1234 37=1234 ")

    def test_what_served_and_died_comes_back_at_once(self):
        self.configure(main="serves")
        self.run_it()
        self.wait_for(lambda: "ready:" in self.log())
        for count in range(1, 6):
            pid = self.starts("tokens.d/main.conf")[-1][0]
            time.sleep(0.1)
            killed_at = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            self.wait_for(lambda: len(self.starts("tokens.d/main.conf")) == count + 1)
            self.assertLess(self.starts("tokens.d/main.conf")[-1][1] - killed_at, 1.0)
        self.assertEqual(len(self.starts("keyd.conf")), 1)
        self.assertIn("keyd-hsm main was ended by SIGKILL", self.log())

    def test_what_never_gets_ready_backs_off(self):
        self.configure(main="dies")
        self.run_it()
        self.wait_for(lambda: len(self.starts("tokens.d/main.conf")) >= 5)
        starts = [at for _, at in self.starts("tokens.d/main.conf")]
        for i, wait in enumerate((0.1, 0.2, 0.4, 0.8)):
            self.assertGreaterEqual(starts[i + 1] - starts[i], wait)

    def test_a_bad_configuration_ends_all(self):
        self.configure(main="bad")
        run = self.run_it()
        self.assertEqual(run.wait(timeout=10), 2)
        self.assertEqual(len(self.starts("tokens.d/main.conf")), 1)
        self.assertIn("keyd-hsm main says that its configuration is bad: ending all", self.log())
        self.assertNotIn("starts again", self.log())

    def test_one_that_is_stopped_is_told_to_end_as_well(self):
        self.configure(main="serves")
        run = self.run_it()
        self.wait_for(lambda: "ready:" in self.log())
        os.kill(self.starts("tokens.d/main.conf")[0][0], signal.SIGSTOP)
        began = time.monotonic()
        run.terminate()
        self.assertEqual(run.wait(timeout=20), 0)
        self.assertLess(time.monotonic() - began, 4)
        self.assertNotIn("killed", self.log())

    def test_one_that_does_not_end_is_killed(self):
        """Each in its own time: what keyd took is not the others' loss."""
        self.configure(main="deaf", backup="serves", front="deaf")
        run = self.run_it()
        self.wait_for(lambda: "ready:" in self.log())
        began = time.monotonic()
        run.terminate()
        time.sleep(8)
        self.assertTrue(self.runs(self.starts("tokens.d/backup.conf")[0][0]))
        self.assertEqual(run.wait(timeout=25), 0)
        self.assertGreater(time.monotonic() - began, 19)
        for name in ("keyd", "keyd-hsm main"):
            self.assertEqual(self.log().count(name + " has not ended in 10 seconds: it is killed"), 1)
        self.assertNotIn("backup has not ended", self.log())
        for name in ("keyd.conf", "tokens.d/main.conf", "tokens.d/backup.conf"):
            self.assert_gone(self.starts(name)[0][0])

    def test_a_configuration_that_turns_bad_ends_nobody_else(self):
        self.configure(main="serves", backup="serves")
        run = self.run_it()
        self.wait_for(lambda: "ready:" in self.log())
        self.write("tokens.d/main.conf", "bad")
        os.kill(self.starts("tokens.d/main.conf")[0][0], signal.SIGKILL)
        self.wait_for(lambda: self.log().count("keyd-hsm main ended with status 2; starts again") > 1)
        self.assertIsNone(run.poll())
        self.write("tokens.d/main.conf", "serves")
        count = len(self.starts("tokens.d/main.conf"))
        self.wait_for(lambda: len(self.starts("tokens.d/main.conf")) > count)
        pid = self.starts("tokens.d/main.conf")[-1][0]
        time.sleep(0.2)
        self.assertTrue(self.runs(pid))
        for name in ("keyd.conf", "tokens.d/backup.conf"):
            self.assertEqual(len(self.starts(name)), 1)

    def test_no_child_outlives_a_killed_runner(self):
        self.configure(main="serves")
        run = self.run_it()
        self.wait_for(lambda: "ready:" in self.log())
        pids = [self.starts(name)[0][0] for name in ("keyd.conf", "tokens.d/main.conf")]
        run.kill()
        run.wait()
        self.wait_for(lambda: not any(self.runs(pid) for pid in pids))

    @staticmethod
    def runs(pid):
        """A process that nobody has reaped yet (in a container without an init) does not run."""
        try:
            with open("/proc/%d/stat" % pid) as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def test_says_what_is_missing(self):
        run = self.run_it()
        self.assertEqual(run.wait(timeout=10), 2)
        self.assertIn("tokens.d/*.conf", self.log())


if __name__ == "__main__":
    sys.exit(unittest.main())
