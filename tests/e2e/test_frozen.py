#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A keyd-hsm that is stopped, as a frozen cgroup or a driver that hangs in the kernel would have it, is
AWAY in a few seconds, called or not, and READY again as soon as it goes on. One whose token is slow
never is, however busy it is."""

import os
import signal
import time

import world

SILENCE_S = 5  # WALL_SILENCE_MS
WORDS = "is connected and says nothing"


class Frozen(world.TestCase):
    def setUp(self):
        super().setUp()
        self.stopped = []
        self.addCleanup(self.go_on)  # before World.end, which waits for it

    def go_on(self):
        while self.stopped:
            os.kill(self.stopped.pop(), signal.SIGCONT)

    def freeze(self, name):
        self.stopped.append(self.world.pid(name))
        world.freeze(self.stopped[-1])

    def tokens(self):
        """{name: what `keydctl status` says of it}"""
        return {one["Token"]: one for one in self.world.json("status", check=False)["Tokens"]}

    def wait(self, state, name=world.MAIN, seconds=SILENCE_S + 5):
        world.wait_for(lambda: self.tokens()[name]["State"] == state, seconds,
                       lambda: "%s\n%s" % (self.tokens(), self.world.log()))

    def sign(self, key="alias/mine", **options):
        return self.world.keydctl("sign", "--key-id", key, "--message", "x", **options)


class Stopped(Frozen):
    def test_nobody_calls_it(self):
        self.world.add_token("other")
        self.world.start()
        self.world.create_key("alias/mine")
        self.world.create_key("alias/of-other", token="other")
        began = time.monotonic()
        self.freeze("keyd-hsm main")
        time.sleep(SILENCE_S - 2)
        self.assertEqual(self.tokens()["main"]["State"], "READY")
        self.wait("AWAY")
        self.assertGreater(time.monotonic() - began, SILENCE_S - 1.5)
        self.assertIn("away since ", self.tokens()["main"]["StateMessage"])
        self.assertIn(WORDS, self.tokens()["main"]["StateMessage"])
        # A call learns it at once, and those of other tokens notice nothing.
        began = time.monotonic()
        self.fails(self.sign(check=False), 1, "token main has been away since", WORDS)
        self.assertLess(time.monotonic() - began, 5)
        self.sign("alias/of-other")
        self.world.create_key(token="other")
        self.assertEqual(self.tokens()["other"]["State"], "READY")
        time.sleep(2)
        self.assertEqual(self.world.log().count("token=main away since"), 1, self.world.log())
        before = len(self.world.log())
        self.go_on()
        self.wait("READY", seconds=3)
        self.sign()
        self.assertEqual(self.tokens()["main"]["StateMessage"], "")
        after = self.world.log()[before:]
        self.assertIn("token=main is back", after)
        self.assertNotIn("connected uid=", after)  # it is the same connection
        self.assertNotIn("started, pid", after)

    def test_it_has_calls(self):
        self.world.start()
        self.world.create_key("alias/mine")
        self.freeze("keyd-hsm main")
        # As long as nobody can know, a call waits; it may yet be answered.
        self.fails(self.world.keydctl("--timeout", "8", "sign", "--key-id", "alias/mine",
                                      "--message", "x", check=False), 1,
                   "keydctl status shows it")
        self.assertEqual(self.tokens()["main"]["State"], "AWAY")
        self.go_on()
        self.wait("READY", seconds=3)
        self.sign()

    def test_it_never_goes_on(self):
        """To kill it is what helps."""
        self.world.start()
        self.world.create_key("alias/mine")
        self.freeze("keyd-hsm main")
        self.wait("AWAY")
        self.stopped.clear()
        self.world.kill("keyd-hsm main")
        self.wait("READY", seconds=20)
        self.sign()

    def test_keyd_comes_when_it_is_frozen(self):
        self.world.start()
        self.world.create_key("alias/mine")
        self.freeze("keyd-hsm main")
        self.world.kill("keyd")
        world.wait_for(lambda: "away: keyd-hsm does not greet" in self.world.log(), 30,
                       self.world.log)
        world.wait_for(lambda: self.world.keydctl("status", check=False).returncode == 0)
        self.assertEqual(self.tokens()["main"]["State"], "AWAY")
        self.go_on()
        self.wait("READY", seconds=20)
        self.sign()
        self.assertEqual(self.world.log().count("away: keyd-hsm does not greet"), 1)

    def test_keyd_itself_pauses(self):
        """That is no token's silence."""
        self.world.start()
        self.world.create_key("alias/mine")
        before = len(self.world.log())
        self.freeze("keyd")
        time.sleep(SILENCE_S + 3)
        self.go_on()
        self.sign()
        self.assertEqual(self.tokens()["main"]["State"], "READY")
        time.sleep(2)
        self.assertNotIn("away", self.world.log()[before:])

    def test_the_host_pauses(self):
        """Both at once, as when a virtual machine is moved."""
        self.world.start()
        self.world.create_key("alias/mine")
        before = len(self.world.log())
        self.freeze("keyd-hsm main")
        self.freeze("keyd")
        time.sleep(SILENCE_S + 3)
        self.go_on()
        self.sign()
        time.sleep(2)
        self.assertNotIn("away", self.world.log()[before:])


class Slow(Frozen):
    kind = "mock"

    def test_all_its_threads_are_in_the_module(self):
        """Each signer in a C_Sign of 9 s, and a key that takes as long: it is READY, and all come to
        their end."""
        self.world.edit("tokens.d/main.conf", lambda text: text + "signers: 2\n")
        self.world.start()
        self.world.create_key("alias/mine")
        before = len(self.world.log())
        self.world.token.faults("C_Sign slow 9000", "C_GenerateKeyPair slow 9000")
        began = time.monotonic()
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            calls = [self.world.background(
                world.program("keydctl"), "--socket", self.world.socket, "--timeout", "40",
                *arguments, stdout=nowhere, stderr=nowhere)
                     for arguments in 3 * [["sign", "--key-id", "alias/mine", "--message", "x"]] +
                     [["create-key", "--key-spec", "ECC_NIST_P256", "--alias", "alias/slow"]]]
        while any(call.poll() is None for call in calls):
            self.assertEqual(self.tokens()["main"]["State"], "READY", self.world.log())
            time.sleep(0.2)
        self.assertGreater(time.monotonic() - began, 9)
        self.assertEqual([call.returncode for call in calls], 4 * [0], self.world.log())
        self.assertNotIn("away", self.world.log()[before:])


if __name__ == "__main__":
    world.main()
