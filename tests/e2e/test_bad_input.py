#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a user reads when something is wrong: what, where, what to do; and the exit status."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import world

FAILURE, USAGE, REFUSAL = 1, 2, 3


class WithoutKeyd(unittest.TestCase):
    def keydctl(self, *arguments, **options):
        return subprocess.run([world.program("keydctl"), *arguments], text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def test_no_socket(self):
        done = self.keydctl("--socket", "/nonexistent/keyd.sock", "list-keys")
        self.assertEqual(done.returncode, FAILURE)
        self.assertIn("/nonexistent/keyd.sock", done.stderr)

    def test_not_a_socket(self):
        done = self.keydctl("--socket", "/etc/passwd", "list-keys")
        self.assertEqual(done.returncode, FAILURE)
        self.assertIn("/etc/passwd", done.stderr)
        self.assertIn("socket", done.stderr)

    def test_usage(self):
        for arguments in (["lst-keys"], ["list-keys", "--no-such"], ["create-key"], ["sign"], []):
            done = self.keydctl(*arguments)
            self.assertEqual(done.returncode, USAGE, (arguments, done.stderr))
            self.assertTrue(done.stderr)


class WithKeyd(world.TestCase):
    def test_keyd_not_running(self):
        self.world.start()
        self.world.stop()
        self.fails(self.world.keydctl("list-keys", check=False), FAILURE, self.world.socket)
        open(self.world.socket, "w").close()
        os.unlink(self.world.socket)

    def test_keys_and_messages(self):
        self.world.start()
        self.world.create_key("alias/one")

        def sign(*arguments):
            return self.world.keydctl("sign", *arguments, check=False)
        self.fails(sign("--key-id", "alias/two", "--message", "x"), FAILURE, "alias/two")
        self.fails(sign("--key-id", "00112233-4455-4677-8899-aabbccddeeff", "--message", "x"),
                   FAILURE, "00112233-4455-4677-8899-aabbccddeeff")
        self.fails(sign("--key-id", "alias/one", "--message", "x", "--message-type", "DIGEST"),
                   FAILURE, "32")
        self.fails(sign("--key-id", "alias/one", "--message", "fileb:///nonexistent"), FAILURE,
                   "/nonexistent")
        long = self.world.path("long")
        with open(long, "wb") as file:
            file.write(b"x" * 65537)
        self.fails(sign("--key-id", "alias/one", "--message", "fileb://" + long), USAGE,
                   long, "65536", "DIGEST")
        self.fails(self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias",
                                      "alias/one", check=False), FAILURE, "alias/one")
        for alias in ("one", "alias/", "alias/a.b", "alias/00112233-4455-4677-8899-aabbccddeeff"):
            self.assertNotEqual(self.world.keydctl(
                "create-key", "--key-spec", "ECC_NIST_P256", "--alias", alias,
                check=False).returncode, 0, alias)
        self.assertEqual(len(self.world.json("list-keys")["Keys"]), 1)

        # Whoever asks an operator about a refused call can name it.
        refused = sign("--key-id", "alias/two", "--message", "x").stderr
        call = re.search(r"\(call ([0-9a-f-]{36})\)", refused).group(1)
        self.assertIn("call=" + call, self.world.log())


class TokenTrouble(world.TestCase):
    """keyd-hsm in trouble says so through keydctl status, and other answers carry the reason."""

    def status(self):
        return self.world.json("status")["Tokens"][0]

    def state(self):
        done = self.world.keydctl("status", "--output", "json", check=False)
        return self.status() if done.returncode == 0 else {}

    def expect(self, state, *words):
        self.world.start(wait=False)
        world.wait_for(lambda: self.state().get("State") == state, 20, self.world.log)
        for word in words:
            self.assertIn(word, self.status()["StateMessage"])
        done = self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", check=False)
        self.assertNotEqual(done.returncode, 0)

    def replace(self, old, new):
        self.world.edit("tokens.d/main.conf", lambda text: text.replace(old, new))

    def test_no_module(self):
        module = self.world.setting("tokens.d/main.conf", "module")
        self.replace(module, "/nonexistent/module.so")
        self.expect("FAULTY", "/nonexistent/module.so")

    def test_no_token(self):
        label = os.path.basename(self.world.setting("tokens.d/main.conf", "label"))
        self.replace("label: " + label, "label: nobody")
        self.expect("FAULTY", "nobody")

    def test_no_pin_file(self):
        pin = self.world.setting("tokens.d/main.conf", "pin_file")
        os.rename(pin, pin + ".away")
        self.expect("LOGIN_NEEDED", pin)
        os.rename(pin + ".away", pin)  # and once it is there all is well, without a restart by hand
        world.wait_for(lambda: self.state().get("State") == "READY", 20, self.world.log)

    def test_pin_file_that_others_can_read(self):
        pin = self.world.setting("tokens.d/main.conf", "pin_file")
        os.chmod(pin, 0o644)
        self.expect("LOGIN_NEEDED", pin, "0600")

    def test_wrong_pin_is_tried_once(self):
        pin = self.world.setting("tokens.d/main.conf", "pin_file")
        with open(pin) as file:
            right = file.read()
        with open(pin, "w") as file:
            file.write("wrong-" + right)
        self.expect("LOGIN_NEEDED", pin, "keyd-hsm admin login --config")
        self.assertNotIn(right.strip(), self.world.log())
        for _ in range(3):
            self.world.kill("keyd-hsm main")
            starts = self.world.log().count("keyd-hsm main started")
            world.wait_for(lambda: self.world.log().count("keyd-hsm main started") > starts - 1)
            world.wait_for(lambda: self.state().get("State") == "LOGIN_NEEDED", 20, self.world.log)
        with open(pin, "w") as file:
            file.write(right)
        if self.world.token.counts_wrong_pins:
            self.an_operator_permits_it()
        world.wait_for(lambda: self.state().get("State") == "READY", 20, self.world.log)

    def an_operator_permits_it(self):
        """The right one is noticed; but whether it is better is for a person to say."""
        world.wait_for(lambda: "admin login" in self.status()["StateMessage"] and "no good login"
                       in self.status()["StateMessage"], 20, self.world.log)
        done = self.world.run("keyd-hsm", "admin", "login", "--config",
                              self.world.path("tokens.d", "main.conf"))
        self.assertIn("logged in to the token main", done.stdout)

    def test_lost_journal(self):
        self.world.start()
        self.world.create_key("alias/one")
        self.world.stop()
        state = self.world.setting("tokens.d/main.conf", "state_folder")
        shutil.move(os.path.join(state, "journal"), os.path.join(state, "journal.away"))
        self.expect("FAULTY", "journal", "--new-journal")
        # The key is not said to be gone: nobody can know.
        done = self.world.keydctl("sign", "--key-id", "alias/one", "--message", "x", check=False)
        self.fails(done, FAILURE, "--new-journal")
        self.assertIn("token main is FAULTY", self.world.keydctl("list-keys").stderr)
        self.world.stop()
        shutil.move(os.path.join(state, "journal.away"), os.path.join(state, "journal"))
        self.world.start()
        self.assertEqual(self.world.json("describe-key", "--key-id", "alias/one")["KeyMetadata"]
                         ["KeyState"], "ENABLED")


class Configuration(world.TestCase):
    def check(self, program, name, text, *words):
        self.world.edit(name, lambda _: text)
        done = self.world.run(program, "--config", self.world.path(name), "--check-config",
                              check=False)
        self.fails(done, USAGE, *words)

    def test_good_ones(self):
        for program, name in (("keyd", "keyd.conf"), ("keyd-hsm", "tokens.d/main.conf")):
            self.world.run(program, "--config", self.world.path(name), "--check-config")

    def test_file_line_and_field(self):
        self.check("keyd", "keyd.conf", "socket: k.sock\nsokcet: x\n", "keyd.conf:", "sokcet")
        self.check("keyd", "keyd.conf",
                   "socket: k.sock\ncatalog: c.db\nallow:\n- user: no-such-user-here\n"
                   "tokens:\n- name: main\n  socket: m.sock\n- name: main\n  socket: n.sock\n"
                   "default_token: other\n",
                   "keyd.conf:4: allow[0].user", "keyd.conf:8: tokens[1].name",
                   "keyd.conf:10: default_token")
        self.check("keyd-hsm", "tokens.d/main.conf", "module: m.so\nsigners: many\n",
                   "main.conf:2: signers")

    def complaints(self, program, name, text):
        """All that --check-config says of a file, without the folder's name."""
        self.world.edit(name, lambda _: text)
        path = self.world.path(name)
        done = self.world.run(program, "--config", path, "--check-config", check=False)
        self.fails(done, USAGE)
        return [line.removeprefix(path) for line in done.stderr.splitlines()]

    def test_all_at_once(self):
        self.assertEqual(self.complaints(
            "keyd", "keyd.conf",
            "sokcet: k.sock\nsocket: k.sock\ncatalog: [c.db]\nallow:\n- usr: root\n- root\n"
            "calls_in_flight: lots\ntokens:\n- name: main\n  socket: m.sock\n- socket: n.sock\n"
            "log_level: loud\nsocket: l.sock\n"), [
                ":1: sokcet: there is no such field",
                ":3: catalog: is a list; one value is expected",
                ":5: allow[0].usr: there is no such field",
                ":6: allow[1]: is one value; fields are expected (NAME: VALUE)",
                ":13: socket: is there twice, first in line 2",
                ":5: allow[0]: give one of user: NAME and uid: NUMBER",
                ":11: tokens[1].name: is missing",
                ":12: log_level: 'loud': give error, warning, notice, info or debug",
                ":7: calls_in_flight: 'lots' is no number: digits only, 1 to 4096"])
        self.assertEqual(self.complaints(
            "keyd-hsm", "tokens.d/main.conf",
            "modul: m.so\nlabel: 'x '\nsigners: many\nmodule_call_limit: 0\nfront: ''\n"
            "environment:\n- name: LD_PRELOAD\n  value: x\n- value: x\nsigners: 4\n"), [
                ":1: modul: there is no such field",
                ":5: front: is empty",
                ":10: signers: is there twice, first in line 3",
                ":1: module: is missing",
                ":1: state_folder: is missing",
                ":2: label: ends with a blank; a token's label cannot",
                ":3: signers: 'many' is no number: digits only, 1 to 64",
                ":4: module_call_limit: is 0; it must be 1 to 3600",
                ":7: environment[0].name: 'LD_PRELOAD' has no effect in a running process; "
                "set it outside",
                ":9: environment[1].name: is missing"])

    def test_nothing_is_guessed(self):
        """A number with something behind it is none, and least of all a user."""
        self.assertEqual(self.complaints(
            "keyd", "keyd.conf",
            "socket: k.sock\ncatalog: c.db\nallow:\n- uid: 1000abc\n- uid: 1,5\n"
            "- uid: 1000:1000\n- uid: 0x10\n- user: '00'\ntokens:\n- name: main\n"
            "  socket: m.sock\n  hsm_user: '01'\ncalls_in_flight: 10k\n"), [
                ":4: allow[0].uid: '1000abc' is no number: digits only, 0 to 4294967294",
                ":5: allow[1].uid: '1,5' is no number: digits only, 0 to 4294967294",
                ":6: allow[2].uid: '1000:1000' is no number: digits only, 0 to 4294967294",
                ":7: allow[3].uid: '0x10' is no number: digits only, 0 to 4294967294",
                ":8: allow[4].user: '00': there is no such user on this host",
                ":12: tokens[0].hsm_user: '01': there is no such user on this host",
                ":13: calls_in_flight: '10k' is no number: digits only, 1 to 4096"])
        self.assertEqual(self.complaints(
            "keyd-hsm", "tokens.d/main.conf",
            "module: m.so\nlabel: x\nstate_folder: s\nfront: 0x0\npin_descriptor: 3.5\n"
            "module_call_limit: 5m\nkey_generation_limit: 010\nsigners: 1e1\n  bad indent\n"), [
                ":5: pin_descriptor: '3.5' is no number: digits only, 0 to 1023",
                ":4: front: '0x0' is neither a user of this host nor a uid",
                ":8: signers: '1e1 bad indent' is no number: digits only, 1 to 64",
                ":6: module_call_limit: '5m' is no number: digits only, 1 to 3600",
                ":7: key_generation_limit: '010' is no number: no zero in front, 1 to 3600"])

    def test_one_document_without_aliases(self):
        """What would be passed over or be read in two ways is refused as a whole."""
        for program, name in (("keyd", "keyd.conf"), ("keyd-hsm", "tokens.d/main.conf")):
            for text, wrong in (
                    ("socket: a\n---\nsocket: b\n",
                     ":2: another document begins here; the file may have one"),
                    ("socket: &s a\nlog_level: *s\n", ":2: an alias (*s) is not possible here"),
                    ("socket: \"a\\0b\"\n", ":1: there is a NUL in this text"),
                    ("socket: 'a\n", ":2: is no YAML: found unexpected end of stream, while "
                                     "scanning a quoted scalar (line 1)"),
                    ("", ": the file is empty")):
                self.assertEqual(self.complaints(program, name, text), [wrong])


if __name__ == "__main__":
    world.main()
