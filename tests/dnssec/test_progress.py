#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How far keyd-dnssec is, on a terminal: one line that is drawn in its place from two seconds on, fits
the width, and leaves nothing behind, whether the work ends well, badly, or by a signal. Where nobody
looks there is neither a line nor a thread for it."""

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

from test_axfr import A, NS, Server as Raw, framed, message, record, soa

DNSSEC = os.path.join(os.path.dirname(os.environ["KEYD_BIN"]), "tests", "dnssec_soft")
HEAD = "@ 3600 IN SOA ns1 h 7 2 3 4 5\n@ 3600 NS ns1\nns1 60 A 192.0.2.1\n"
SLOW = 2.8  # seconds: over the two from which on a line is drawn


class Screen:
    """What is on a terminal after these bytes, and which lines stood at its bottom meanwhile."""

    def __init__(self, columns):
        self.columns = columns
        self.lines, self.column = [""], 0
        self.seen, self.scrolled = [], 0

    def feed(self, data):
        for part in re.findall(r"\r\n|\r|\n|\033\[K|\033.{0,2}|[^\r\n\033]+", data):
            if part == "\r\n":
                self.lines.append("")
                self.column = 0
                self.scrolled += 1
            elif part == "\r":
                self.column = 0
            elif part == "\033[K":
                self.lines[-1] = self.lines[-1][:self.column]
                self.note()
            elif part[0] in "\n\033":
                raise AssertionError(f"{part!r} in {data!r}")
            else:
                self.lines[-1] = (self.lines[-1][:self.column].ljust(self.column) + part +
                                  self.lines[-1][self.column + len(part):])
                self.column += len(part)
                if self.column >= self.columns:
                    self.note()

    def note(self):
        if self.lines[-1] and (not self.seen or self.seen[-1] != self.lines[-1]):
            self.seen.append(self.lines[-1])

    def text(self):
        return "\n".join(self.lines)


class Run:
    """A program whose standard error, and on request its output, is a terminal of its own. text: what
    its standard input says, half of it at once and the rest after `wait` seconds, or once go_on is set."""

    def __init__(self, arguments, env, cwd, columns=80, text=None, wait=SLOW, one_core=False,
                 output=True):
        self.columns = columns
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        def prepare():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            if one_core:
                os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            arguments, env=env, cwd=cwd, stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=slave if output else subprocess.DEVNULL, stderr=slave, preexec_fn=prepare)
        os.close(slave)
        self.data, self.first = b"", None
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.go_on = threading.Event()
        self.feeder = threading.Thread(target=self.feed, args=(text or "", wait))
        self.feeder.start()

    def read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has the other end any more
                return
            if not data:
                return
            self.first = self.first or time.monotonic() - self.started
            self.data += data

    def feed(self, text, wait):
        pipe = self.process.stdin
        if pipe is None:
            return
        try:
            pipe.write(text[:len(text) // 2].encode())
            pipe.flush()
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline and self.process.poll() is None and \
                    not self.go_on.wait(0.05):
                pass
            pipe.write(text[len(text) // 2:].encode())
            pipe.close()
        except OSError:
            pass

    def wait_for(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.data):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"no {pattern!r} in {self.data!r}")
            time.sleep(0.02)

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def end(self):
        """The exit status, and the screen."""
        status = self.process.wait(120)
        self.feeder.join(20)
        self.reader.join(20)
        os.close(self.master)
        screen = Screen(self.columns)
        screen.feed(self.data.decode())
        return status, screen


class Progress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("hsm"))
        self.env = {**os.environ, "KEYD_SOFT_HSM": self.path("hsm"), "TERM": "xterm", "NO_COLOR": "1",
                    "KEYD_DNSSEC_STATE": self.path("state")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def plain(self, *arguments, text=""):
        """A run without a terminal, which must end well."""
        return subprocess.run([DNSSEC, *arguments], env=self.env, cwd=self.folder, check=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)

    def enable(self, *options, text=HEAD):
        self.write("zone", text)
        self.plain("enable", "example.org", "--zone-file", "zone", "--signed-zone", "signed", *options)

    def sign(self, *options, term="xterm", **how):
        """sign with a zone that comes slowly."""
        how.setdefault("text", HEAD)
        return Run([DNSSEC, "sign", "example.org", "--zone-file", "-", *options],
                   {**self.env, "TERM": term}, self.folder, **how)

    def lines(self, screen, pattern):
        """The lines that were there for a while and are of this kind: one at least."""
        found = [line for line in screen.seen if re.fullmatch(pattern, line)]
        self.assertTrue(found, (pattern, screen.seen))
        return found

    # ---- What is shown ----

    def test_a_slow_pipe(self):
        """The line counts, is not there before its time, and what is left is what there is without."""
        self.enable()
        run = self.sign()
        status, screen = run.end()
        self.assertEqual(status, 0, screen.text())
        self.assertGreaterEqual(run.first, 1.9)
        self.lines(screen, r"Reading  0 kB, [23] s")
        text = screen.text()
        expected = self.plain("sign", "example.org", "--zone-file", "-", text=HEAD).stdout
        self.assertEqual(re.sub(r"\d+", "N", text), re.sub(r"\d+", "N", expected))

    def test_a_large_zone(self):
        """Signatures that take long, made and checked on one core: percents that rise, and a time left
        that goes with them."""
        names = 5000
        self.enable("--algorithm", "14")
        self.write("zone", HEAD + "".join(f"h{i} 60 A 192.0.2.1\n" for i in range(names)))
        run = Run([DNSSEC, "sign", "example.org", "--verify", "full", "--zone-file", "zone"], self.env,
                  self.folder, columns=120, one_core=True, output=False)
        status, screen = run.end()
        self.assertEqual((status, screen.text()), (0, ""))
        for step, total in (("Signing", "5,001 names"), ("Verifying", r"[\d.]+ MB")):
            found = self.lines(screen, rf"{step} \d+%  \[#*-*\]  [\d,.]+(?: [kM]B)? of {total}, \d+ s"
                                       r"(?:, about \d+ s left)?")
            percents = [int(re.search(r"(\d+)%", line).group(1)) for line in found]
            self.assertEqual(percents, sorted(percents))
            self.assertGreater(len(set(percents)), 3, found)
            timed = [match for match in (re.search(r" ([1-9]\d*)%.* (\d+) s, about (\d+) s left", line)
                                         for line in found) if match]
            self.assertTrue(timed, found)
            for percent, elapsed, left in (map(int, match.groups()) for match in timed):
                wanted = elapsed * (100 - percent) / percent
                self.assertLess(abs(left - wanted), 2 + wanted * 0.5 + 100 / percent, (found, left))
        self.assertTrue(all(len(line) < 120 for line in screen.seen), screen.seen)

    def test_verify(self):
        """A file that grows slowly cannot be; one that is read slowly can, from a pipe with a name."""
        self.enable()
        with open(self.path("signed"), encoding="ascii") as file:
            text = file.read()
        os.mkfifo(self.path("fifo"))
        run = Run([DNSSEC, "verify", "example.org", "--signed-zone", "fifo"], self.env, self.folder)

        def feed():
            with open(self.path("fifo"), "wb", buffering=0) as fifo:
                fifo.write(text.encode())
                time.sleep(SLOW)
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        status, screen = run.end()
        feeder.join(20)
        self.assertEqual(status, 0, screen.text())
        self.lines(screen, r"Verifying  \d+ kB, \d s")
        self.assertRegex(screen.text(), r"\ASigned zone     fifo: good\nSerial ")

    def test_a_transfer(self):
        raw = Raw(lambda query: [framed(message(query, soa(), NS, A)), SLOW,
                                 framed(message(query, record("a.example.org", "A", bytes(4)), soa()))])
        run = Run([DNSSEC, "enable", "example.org", "--from-server", f"127.0.0.1#{raw.port}",
                   "--signed-zone", "signed"], self.env, self.folder)
        status, screen = run.end()
        raw.close()
        self.assertEqual(status, 0, screen.text())
        self.lines(screen, r"Transferring  0 kB, \d s")
        self.assertRegex(screen.text(), r"\AZone  +example\.org\n")

    def test_a_narrow_terminal(self):
        self.enable()
        for columns, wanted in ((14, r"Reading  0 kB"), (9, r"Reading")):
            with self.subTest(columns=columns):
                status, screen = self.sign(columns=columns, output=False).end()
                self.assertEqual((status, screen.text()), (0, ""))
                self.lines(screen, wanted)
                self.assertTrue(all(len(line) < columns for line in screen.seen), screen.seen)

    def test_a_complaint_has_its_own_line(self):
        self.enable()
        status, screen = self.sign(text=HEAD + "ns1 61 A 192.0.2.2\n", output=False).end()
        self.assertEqual(status, 0)
        self.lines(screen, r"Reading .*")
        self.assertRegex(screen.text(), r"\Akeyd-dnssec: standard input:3:1: the TTLs of "
                                        r"ns1\.example\.org\. A differ .*\n\Z")

    def test_an_error_has_its_own_line(self):
        self.enable()
        status, screen = self.sign(text=HEAD + "ns1 61 A 192.0.2.256\n").end()
        self.assertEqual(status, 1)
        self.lines(screen, r"Reading .*")
        self.assertRegex(screen.text(), r"\Akeyd-dnssec: standard input:4:10: .*\n\Z")

    def test_a_zone_to_the_terminal(self):
        self.write("zone", HEAD)
        run = Run([DNSSEC, "enable", "example.org", "--zone-file", "-", "--signed-zone", "-"], self.env,
                  self.folder, text=HEAD, columns=1000)
        status, screen = run.end()
        self.assertEqual(status, 0, screen.text())
        self.lines(screen, r"Reading .*")
        self.assertRegex(screen.text(), r"\Aexample\.org\.\t3600\tIN\tSOA\t")
        self.assertNotIn("Reading", screen.text())

    # ---- Where nothing is shown ----

    def test_nobody_looks(self):
        """Neither a line nor a thread for it: --quiet, a dumb terminal, no terminal."""
        self.enable()
        with open(self.path("err"), "w", encoding="ascii") as err:
            bare = subprocess.Popen([DNSSEC, "sign", "example.org", "--zone-file", "-", "--dry-run"],
                                    env=self.env, cwd=self.folder, stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=err)
        runs = {}
        for what, more, term in (("quiet", ["--quiet"], "xterm"), ("dumb", [], "dumb"),
                                 ("unnamed", [], "")):
            shutil.copytree(self.path("state"), self.path(what))  # each has a lock of its own
            runs[what] = self.sign("--dry-run", "--state-folder", what, *more, term=term, output=False,
                                   wait=60)
        time.sleep(SLOW)
        self.assertEqual(len(os.listdir(f"/proc/{bare.pid}/task")), 1)
        self.assertEqual({run.threads() for run in runs.values()}, {1})
        bare.communicate(HEAD.encode(), timeout=60)
        self.assertEqual(bare.returncode, 0)
        self.assertEqual(os.path.getsize(self.path("err")), 0)
        for what, run in runs.items():
            with self.subTest(what=what):
                run.go_on.set()
                status, screen = run.end()
                self.assertEqual((status, run.data), (0, b""), screen.text())
        seen = self.sign(output=False)
        seen.wait_for(rb"Reading")
        self.assertEqual(seen.threads(), 2)
        self.assertEqual(seen.end()[0], 0)

    def test_in_the_background(self):
        """A shell has the terminal: nothing is drawn, and nothing wiped."""
        self.enable()
        self.write("job", f"(sleep {SLOW}; cat zone) | '{DNSSEC}' sign example.org --zone-file - "
                   ">/dev/null\necho $? >ended\n")
        shell = Run(["bash", "-c", "set -m; printf 'prompt> ' >&2; bash job & disown; "
                     "until [ -s ended ]; do sleep 0.1; done; cat ended"], self.env, self.folder)
        _, screen = shell.end()
        self.assertEqual(screen.text(), "prompt> 0\n")
        self.assertEqual(shell.data, b"prompt> 0\r\n")

    # ---- The end ----

    def test_interrupted(self):
        """Ctrl-C, and signals from elsewhere: the line is gone, and so is what was half written."""
        self.enable("--algorithm", "14", "--verify", "sample", text=HEAD + "".join(f"h{i} 60 A 192.0.2.1\n"
                                                            for i in range(5000)))
        with open(self.path("signed"), "rb") as file:
            before = file.read()
        for number in (None, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                run = Run([DNSSEC, "sign", "example.org", "--fresh"], self.env, self.folder,
                          one_core=True)
                run.wait_for(rb"Signing [1-9]")
                self.assertTrue(os.path.exists(self.path("signed.new")))
                if number is None:
                    os.write(run.master, b"\x03")
                else:
                    run.process.send_signal(number)
                status, screen = run.end()
                self.assertEqual(status, -(number or signal.SIGINT))
                # The terminal's own echo comes before or after the line is wiped.
                self.assertIn(screen.text(), ("", "^C") if number is None else ("",))
                self.assertFalse(os.path.exists(self.path("signed.new")))
                with open(self.path("signed"), "rb") as file:
                    self.assertEqual(file.read(), before)

    def test_interrupted_before_there_is_a_file(self):
        self.enable()
        run = self.sign(wait=60)
        run.wait_for(rb"Reading")
        os.write(run.master, b"\x03")
        status, screen = run.end()
        self.assertEqual(status, -signal.SIGINT)
        self.assertIn(screen.text(), ("", "^C"))

    def test_a_terminal_that_takes_nothing(self):
        """Ctrl-S holds the terminal up, not the work."""
        self.enable()
        run = self.sign("--fresh", output=False, wait=4)
        run.wait_for(rb"Reading")
        os.write(run.master, b"\x13")
        with open(self.path("signed"), "rb") as file:
            before = file.read()
        self.assertEqual(run.process.wait(60), 0)
        with open(self.path("signed"), "rb") as file:
            self.assertNotEqual(file.read(), before)
        os.write(run.master, b"\x11")
        run.end()


if __name__ == "__main__":
    unittest.main()
