#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The files that keyd-hsm and keyd write: a journal that is torn, changed, from a newer version or of
another token, and a disk that is full as a key is made. What can be mended is, the rest is left as it
is and named, and no key is lost or half there."""

import glob
import json
import os
import re
import resource
import shutil
import subprocess

import world

FAILURE = 1


class Files(world.TestCase):
    def setUp(self):
        super().setUp()
        self.state = self.world.setting("tokens.d/main.conf", "state_folder")
        self.path = os.path.join(self.state, "journal")

    def read(self):
        with open(self.path, "rb") as file:
            return file.read()

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data)

    def status(self):
        done = self.world.keydctl("status", "--output", "json", check=False)
        return json.loads(done.stdout)["Tokens"][0] if done.returncode == 0 else {}

    def create(self, alias, *options):
        return self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias", alias,
                                  *options, check=False)

    def sign(self, alias, check=True):
        return self.world.keydctl("sign", "--key-id", alias, "--message", "x", check=check)

    def keys(self):
        return {key["KeyId"] for key in self.world.json("list-keys")["Keys"]}

    def no_temporary_files(self):
        """In the state folders is what belongs there."""
        found = {os.path.basename(path) for folder in glob.glob(self.world.path("state-*"))
                 for path in glob.glob(folder + "/*")}
        self.assertEqual(found - {"journal", "login", "admin.sock", "catalog.db", "catalog.db-wal",
                                  "catalog.db-shm", "catalog.db-journal"}, set())


class Journal(Files):
    def with_a_key(self):
        self.world.start()
        self.world.create_key("alias/a")
        self.world.stop()

    def refused(self, data, *words):
        """keyd-hsm does not go on with this journal, and does not touch it; with the good one again
        all is well."""
        good = self.read()
        self.write(data)
        self.world.start(wait=False)
        world.wait_for(lambda: self.status().get("State") == "FAULTY", 20, self.world.log)
        for word in words + (self.path if "serial" not in words else self.state,):
            self.assertIn(word, self.status()["StateMessage"])
        self.fails(self.create("alias/b"), FAILURE, *words)
        self.fails(self.sign("alias/a", check=False), FAILURE, *words)
        self.assertIn("token main is FAULTY", self.world.keydctl("list-keys").stderr)
        self.assertEqual(self.read(), data)
        self.world.stop()
        self.write(good)
        self.world.start()
        self.sign("alias/a")
        self.world.create_key("alias/b")
        self.no_temporary_files()

    def test_a_torn_last_line_is_cut_off(self):
        self.with_a_key()
        good = self.read()
        for torn in (good + b'{"key":"b7c5', good + good.splitlines(True)[-1][:-1]):
            self.write(torn)
            self.world.start()
            self.sign("alias/a")
            self.world.stop()
            self.assertEqual(self.read(), good)
        self.assertEqual(self.world.log().count(
            "journal: the last line was never written whole"), 2)
        self.world.start()
        self.assertEqual(len(self.keys()), 1)
        self.world.create_key("alias/b")

    def test_a_creation_whose_last_record_is_torn(self):
        self.with_a_key()
        lines = self.read().splitlines(True)
        self.assertIn(b"key.created", lines[-1])
        self.write(b"".join(lines[:-1]) + lines[-1][:40])
        self.world.start()
        self.sign("alias/a")
        self.assertIn("an interrupted creation is completed: the key is there and usable",
                      self.world.log())
        self.assertIn(b'"settled":true', self.read())
        self.assertEqual(self.world.token.objects(), 2)

    def test_a_line_that_was_changed(self):
        self.with_a_key()
        self.refused(self.read().replace(b"uid:", b"uid;", 1), ":3: ", "chain", "last good copy",
                     "--new-journal")

    def test_a_line_that_is_missing(self):
        self.with_a_key()
        lines = self.read().splitlines(True)
        self.refused(lines[0] + lines[2], ":2: ", "last good copy", "--new-journal")

    def test_what_is_no_journal(self):
        self.with_a_key()
        self.refused(b"not a journal\n", ":1: ", "no record of a journal", "last good copy")

    def test_from_a_newer_version(self):
        self.with_a_key()
        self.refused(re.sub(rb'"v":1', b'"v":2', self.read(), count=1), ":1: ", "newer version",
                     "format version 2", "Start the version of keyd-hsm that wrote it")

    def test_of_another_token(self):
        self.with_a_key()
        own = self.world.token
        other = world.World()
        self.addCleanup(other.end)
        if hasattr(own, "faults"):
            other.edit("tokens.d/main.conf", lambda text: text.replace("MOCK-main", "MOCK-else"))
        other.start()
        other.create_key("alias/a")
        other.stop()
        with open(os.path.join(other.setting("tokens.d/main.conf", "state_folder"), "journal"),
                  "rb") as file:
            self.refused(file.read(), "serial", "`state_folder`", "`label`")

    def test_lost_and_begun_anew(self):
        """--new-journal is an operator's word; the old keys stay untouched."""
        self.with_a_key()
        shutil.move(self.path, self.path + ".away")
        hsm = self.world.background(world.program("keyd-hsm"), "--config",
                                    self.world.path("tokens.d", "main.conf"), "--new-journal",
                                    stderr=subprocess.DEVNULL)
        world.wait_for(lambda: os.path.exists(self.path) and self.read().count(b"\n") == 1)
        hsm.terminate()
        self.assertEqual(hsm.wait(timeout=15), 0)
        self.world.start()
        self.assertEqual(self.keys(), set())
        self.assertEqual(self.world.token.objects(), 2)
        self.world.create_key("alias/b")
        self.assertEqual(self.world.token.objects(), 4)


class FullDisk(Files):
    """A limit on the size of a process' files stands for the disk: to write beyond it fails."""
    kind = "softhsm"  # whose files are small; the mock's own are as good as its memory

    def limit(self, name, size=resource.RLIM_INFINITY):
        resource.prlimit(self.world.pid(name), resource.RLIMIT_FSIZE,
                         (size, resource.RLIM_INFINITY))

    def test_at_the_first_record_nothing_is_made(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        before = self.read()
        self.limit("keyd-hsm main", len(before) + 10)
        self.fails(self.create("alias/b"), FAILURE, self.path, "cannot be written", "Make room")
        self.assertEqual(self.read(), before)
        self.assertEqual(self.keys(), {key})
        self.assertEqual(self.world.token.objects(), 2)
        self.sign("alias/a")
        self.limit("keyd-hsm main")
        self.assertEqual(self.create("alias/b").returncode, 0)  # no restart, and the alias was free
        self.sign("alias/b")

    def test_at_the_second_record_the_key_waits(self):
        self.world.start()
        for i in range(8):  # until the journal is larger than any object of the token
            self.world.create_key("alias/a%d" % i)
        before = self.keys()
        lines = self.read().splitlines(True)
        self.limit("keyd-hsm main", len(self.read()) + len(lines[-2]) + 10)
        self.fails(self.create("alias/b", "--request-id", "again"), FAILURE, self.path, "is not settled",
                   "same request again", "again")
        self.assertEqual(self.keys(), before)
        self.fails(self.sign("alias/b", check=False), FAILURE, "alias/b")
        self.fails(self.create("alias/b"), FAILURE, "alias/b", "is not settled")
        self.sign("alias/a0")
        self.limit("keyd-hsm main")
        made = self.create("alias/b", "--request-id", "again", "--output", "json")
        key = json.loads(made.stdout)["KeyMetadata"]["KeyId"]
        self.sign("alias/b")
        self.assertEqual(self.keys(), before | {key})
        self.assertEqual(self.world.token.objects(), 2 * len(before) + 2)

    def test_of_the_catalog(self):
        self.world.start()
        key = self.world.create_key("alias/a")
        catalog = self.world.setting("keyd.conf", "catalog")
        pid = self.world.pid("keyd")
        self.limit("keyd", 1)
        self.fails(self.create("alias/b"), FAILURE, catalog, "disk is full", "make room")
        self.sign("alias/a")
        self.assertEqual(self.keys(), {key})
        self.assertEqual(self.world.token.objects(), 2)
        self.limit("keyd")
        self.assertEqual(self.create("alias/b").returncode, 0)
        self.assertEqual(self.world.pid("keyd"), pid)
        self.sign("alias/b")


if __name__ == "__main__":
    world.main()
