#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""An operator gets keyd-hsm to log in again, under a supervisor, with keyd before it: no PIN is tried
that nobody stands for, and the keys are back afterwards."""

import os
import subprocess
import time
import unittest

import mock
import world

DONE, FAILURE, USAGE, REFUSAL = 0, 1, 2, 3
WRONG = "4321"


class Operator(world.TestCase):
    kind = "mock"

    def setUp(self):
        super().setUp()
        self.token = self.world.token
        self.config = self.world.path("tokens.d", "main.conf")
        self.pin_file = self.token.pin_file
        self.write_pin = self.token.write_pin

    def state(self):
        done = self.world.keydctl("status", "--output", "json", check=False)
        return self.world.json("status")["Tokens"][0] if done.returncode == 0 else {}

    def expect(self, state, *words):
        def is_there():
            now = self.state()
            return now.get("State") == state and all(word in now["StateMessage"] for word in words)
        world.wait_for(is_there, 20, lambda: "%s\n%s" % (self.state(), self.world.log()))

    def login(self, *options):
        return self.world.run("keyd-hsm", "admin", "login", "--config", self.config, *options,
                              check=False)

    def restart(self, *words):
        """One more start of keyd-hsm, which must not have tried a PIN."""
        tries, looks = self.token.count("C_Login"), self.token.count("C_GetTokenInfo")
        said = self.world.log().count("login needed")
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.world.log().count("login needed") > said, 20, self.world.log)
        self.assertGreater(self.token.count("C_GetTokenInfo"), looks)
        self.assertEqual(self.token.count("C_Login"), tries)
        self.expect("LOGIN_NEEDED", *words)

    def test_a_wrong_pin_the_right_one_and_a_word(self):
        self.write_pin(WRONG)
        self.world.start(wait=False)
        self.expect("LOGIN_NEEDED", "CKR_PIN_INCORRECT", self.pin_file)
        self.write_pin(mock.PIN)
        self.expect("LOGIN_NEEDED", "no good login", "keyd-hsm admin login --config " + self.config)
        self.assertEqual(self.token.count("C_Login"), 1)
        done = self.login()
        self.assertEqual((done.returncode, done.stdout), (DONE, "logged in to the token main\n"),
                         done.stderr)
        self.expect("READY")
        key = self.world.create_key("alias/mine")
        self.fails(self.login(), REFUSAL, "logged in to the token main already")
        # From now on it is the good one: a start needs nobody.
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.token.count("C_Login") == 3, 20, self.world.log)
        self.expect("READY")
        self.world.keydctl("sign", "--key-id", key, "--message", "x")

    def test_a_word_for_a_wrong_pin_costs_one_try(self):
        self.write_pin(WRONG)
        self.world.start(wait=False)
        self.expect("LOGIN_NEEDED", "CKR_PIN_INCORRECT")
        self.fails(self.login(), FAILURE, "CKR_PIN_INCORRECT", self.pin_file)
        self.assertEqual(self.token.count("C_Login"), 2)
        self.restart("one more wrong PIN locks it")
        self.write_pin(mock.PIN)
        self.fails(self.login(), REFUSAL, "one more wrong PIN locks it", "--final-try")
        self.assertEqual(self.token.count("C_Login"), 2)
        self.assertEqual(self.login("--final-try").returncode, DONE, self.world.log())
        self.expect("READY")

    def test_a_locked_token(self):
        self.token.faults("token flags LOCKED")
        self.world.start(wait=False)
        self.expect("LOGIN_NEEDED", "user PIN is locked")
        self.fails(self.login("--final-try"), REFUSAL, "user PIN is locked")
        self.restart("user PIN is locked")
        self.assertEqual(self.token.count("C_Login"), 0)

    def test_a_login_that_comes_to_no_end(self):
        """A token that counts wrong PINs and does not say so: no start may use them up."""
        silent = "token no-flags COUNT_LOW,FINAL_TRY,LOCKED"
        self.write_pin(WRONG)
        self.token.faults(silent, "C_Login rv-late CKR_DEVICE_ERROR")
        self.world.start(wait=False)
        self.expect("LOGIN_NEEDED", "the last login with the PIN from", self.pin_file,
                    "keyd-hsm admin login --config " + self.config)
        self.restart("never came to an end")
        self.assertEqual(self.token.count("C_Login"), 1)
        self.write_pin(mock.PIN)
        self.expect("FAULTY", "CKR_DEVICE_ERROR")
        self.expect("LOGIN_NEEDED", "the last login with the PIN from")
        self.assertEqual(self.token.count("C_Login"), 2)
        self.token.faults(silent)
        self.assertEqual(self.login().returncode, DONE, self.world.log())
        self.assertEqual(self.token.count("C_Login"), 3)
        self.expect("READY")
        # Known to be good: a token that is out of order for a moment needs nobody.
        self.token.faults(silent, "C_Login rv CKR_DEVICE_ERROR times=1")
        self.world.kill("keyd-hsm main")
        self.expect("FAULTY", "CKR_DEVICE_ERROR")
        self.token.faults(silent)
        self.expect("READY")
        self.assertEqual(self.token.count("C_Login"), 5)

    def test_a_pad(self):
        self.world.edit("tokens.d/main.conf", lambda text: "".join(
            line for line in text.splitlines(True) if not line.startswith("pin_file")))
        self.token.faults("token protected-path")
        self.world.start(wait=False)
        self.expect("LOGIN_NEEDED", "own pad")
        self.restart("own pad")
        self.assertEqual(self.token.count("C_Login"), 0)
        self.token.faults("token protected-path", "C_Login slow 2000")  # somebody types
        done = self.login()
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertIn("type the PIN at the token's pad", done.stdout)
        self.assertIn("logged in", done.stdout)
        self.expect("READY")
        self.world.create_key("alias/mine")
        self.restart("own pad")

    def test_a_faulty_token_is_not_helped_by_a_login(self):
        self.token.faults("token removed")
        self.world.start(wait=False)
        self.expect("FAULTY")
        # It is started again every few seconds; in between it is asked when it is there.
        self.fails(self.login(), REFUSAL, "is faulty, and no login helps")

    def test_nobody_is_there(self):
        self.fails(self.login(), FAILURE, "no keyd-hsm listens on", "admin.sock")
        self.fails(self.world.run("keyd-hsm", "admin", "login", check=False), USAGE, "--config FILE")
        self.fails(self.world.run("keyd-hsm", "admin", "logout", check=False), USAGE, "logout")
        for seconds in ("0", "3601", "-1", "2s", "", " 2"):
            self.fails(self.login("--timeout", seconds), USAGE, "1 to 3600 seconds")

    def test_nothing_starts_it_again(self):
        self.write_pin(WRONG)
        hsm = self.world.background(world.program("keyd-hsm"), "--config", self.config,
                                    stderr=subprocess.DEVNULL)
        world.wait_for(lambda: self.token.count("C_Login") == 1)
        command = self.world.background(
            world.program("keyd-hsm"), "admin", "login", "--config", self.config,
            "--timeout", "2", stderr=subprocess.PIPE, text=True)
        self.assertEqual(hsm.wait(20), 1)
        began = time.monotonic()
        said = command.communicate(timeout=20)[1]
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(command.returncode, FAILURE)
        self.assertIn("nothing has started it again", said)

    def test_a_start_that_hangs_is_waited_for_as_long_as_said(self):
        """And who has not waited is not heard afterwards: nobody stands for a try then."""
        self.write_pin(WRONG)
        self.token.faults("C_Initialize slow 9000")
        self.world.start(wait=False)
        world.wait_for(lambda: self.token.count("C_Initialize") == 1)
        began = time.monotonic()
        self.fails(self.login("--timeout", "2"), FAILURE, "does not answer", "still starting")
        self.assertGreater(time.monotonic() - began, 1.5)
        self.assertLess(time.monotonic() - began, 4)
        self.token.faults()
        world.wait_for(lambda: "did not wait for the answer" in self.world.log(), 20, self.world.log)
        self.expect("LOGIN_NEEDED", "CKR_PIN_INCORRECT")
        time.sleep(1)
        self.assertEqual(self.token.count("C_Login"), 1)
        self.assertEqual(self.world.log().count("keyd-hsm main started"), 1)

    def test_somebody_else_may_not(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        self.write_pin(WRONG)
        self.world.start(wait=False)
        self.expect("LOGIN_NEEDED", "CKR_PIN_INCORRECT")
        os.chmod(self.world.folder, 0o755)
        os.chmod(self.world.path("tokens.d"), 0o755)
        os.chmod(self.config, 0o644)
        program = self.world.path("keyd-hsm")  # the build may lie where only root enters
        with open(world.program("keyd-hsm"), "rb") as source, open(program, "wb") as copy:
            copy.write(source.read())
        os.chmod(program, 0o755)
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program,
             "admin", "login", "--config", self.config],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.fails(done, REFUSAL, "is closed to uid 65534", "root")
        self.assertEqual(self.token.count("C_Login"), 1)


if __name__ == "__main__":
    world.main()
