#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A canary PIN: after the login it is in its own file and nowhere else, whichever way it came."""

import os
import re

import world


CHUNK = 1 << 24
SHADOW = 1 << 32  # a sanitizer's shadow of the address space: larger than any mapping of ours


def memory_of(pid):
    """What is readable of a process' memory: mapping by mapping, in chunks that overlap."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            span, permissions = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if "r" not in permissions or "[v" in line:  # [vvar], [vsyscall]
                continue
            if end - begin > SHADOW:
                assert "asan" in world.BUILD, line
                continue
            for at in range(begin, end, CHUNK):
                try:
                    memory.seek(at)
                    yield memory.read(min(CHUNK + 256, end - at))
                except OSError:
                    break


class Canary(world.TestCase):
    kind = "softhsm"

    def setUp(self):
        super().setUp()
        with open(self.world.setting("tokens.d/main.conf", "pin_file")) as file:
            self.pin = file.read().strip()
        self.assertGreaterEqual(len(self.pin), 8)
        self.begin()
        self.key = self.world.create_key("alias/one")

    def begin(self):
        self.world.start()

    def pin_comes_by(self, source):
        """This in the place of `pin_file`."""
        self.own = os.path.realpath(self.world.setting("tokens.d/main.conf", "pin_file"))
        self.world.edit("tokens.d/main.conf",
                        lambda text: re.sub(r"^pin_file:.*$", source, text, flags=re.M))

    def found_in_memory(self, pid, needle):
        return any(needle.encode() in part for part in memory_of(pid))

    def test_not_in_memory(self):
        if os.geteuid() != 0:
            self.skipTest("keyd-hsm's memory is for nobody but root to read")
        for name in ("keyd", "keyd-hsm main"):
            self.assertFalse(self.found_in_memory(self.world.pid(name), self.pin), name)
        self.assertFalse(self.found_in_memory(self.world.runner.pid, self.pin), "keyd-run")
        # The search finds what is there:
        self.assertTrue(self.found_in_memory(self.world.pid("keyd"), self.key))

    def test_not_in_logs_environments_or_command_lines(self):
        self.assertNotIn(self.pin, self.world.log())
        for pid in os.listdir("/proc"):
            for file in ("cmdline", "environ"):
                try:
                    with open("/proc/%s/%s" % (pid, file), "rb") as content:
                        self.assertNotIn(self.pin.encode(), content.read(), (pid, file))
                except OSError:
                    continue

    def test_not_in_any_file_but_its_own(self):
        own = getattr(self, "own", None) or os.path.realpath(
            self.world.setting("tokens.d/main.conf", "pin_file"))
        for folder, _, names in os.walk(self.world.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and os.path.realpath(path) != own:
                    with open(path, "rb") as content:
                        self.assertNotIn(self.pin.encode(), content.read(), path)

    def test_no_core_and_not_dumpable(self):
        with open("/proc/%d/limits" % self.world.pid("keyd-hsm main")) as limits:
            core = [line for line in limits if line.startswith("Max core file size")][0]
        self.assertEqual(core.split()[4], "0")


class Credential(Canary):
    def begin(self):
        self.pin_comes_by("pin_credential: user-pin")
        os.environ["CREDENTIALS_DIRECTORY"] = os.path.dirname(self.own)
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY")
        self.world.start()


class Descriptor(Canary):
    def begin(self):
        self.pin_comes_by("pin_descriptor: 0")
        saved = os.dup(0)
        with open(self.own) as pin:
            os.dup2(pin.fileno(), 0)
        try:
            self.world.start()
        finally:
            os.dup2(saved, 0)
            os.close(saved)

    def test_a_start_afresh_finds_it_as_well(self):
        before = self.world.log().count("logged in to the token")
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.world.log().count("logged in to the token") > before, 20,
                       self.world.log)


if __name__ == "__main__":
    world.main()
