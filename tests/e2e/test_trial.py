#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The pair of the session by which keyd-hsm learns, at its start, what new keys of a token without any
are like: when it is made and when not, that nothing stays of it, and that a module which does not bear
it is served all the same."""

import os

import world

TRIED = "when it tried to learn what new keys are like"


class Trial(world.TestCase):
    kind = "mock"

    def setUp(self):
        super().setUp()
        self.token = self.world.token

    def start(self, *faults):
        self.token.faults(*faults)
        self.world.start()

    def again(self, *faults):
        self.world.stop()
        self.start(*faults)

    def trials(self):
        return self.token.count("session_pair")

    def limitations(self):
        return [one["Name"] for one in self.world.json("status")["Tokens"][0]["Limitations"]]

    def ready(self):
        return self.world.log().count("keyd notice: token=main ready")

    def starts(self):
        return self.world.log().count("info: keyd-hsm main started")

    def makes_a_key(self, alias="alias/one"):
        self.world.create_key(alias)
        self.world.keydctl("sign", "--key-id", alias, "--message", "x")

    # -- when it is made ---------------------------------------------------------------------

    def test_at_each_start_while_there_is_no_key(self):
        for times in (1, 2):
            self.start()
            self.assertEqual(self.trials(), times)
            self.assertEqual(self.token.count("C_DestroyObject"), 2 * times)
            self.assertEqual(self.token.objects(), 0)
            self.world.stop()
        self.start()
        self.makes_a_key()
        self.again()
        self.assertEqual((self.trials(), self.token.count("C_GenerateKeyPair")), (3, 1))
        self.assertEqual(self.token.objects(), 2)

    def test_not_where_no_key_can_be_made(self):
        self.start("token read-only")
        self.again("token no-mechanism CKM_EC_KEY_PAIR_GEN",
                   "token no-mechanism CKM_EC_EDWARDS_KEY_PAIR_GEN")  # RSA would take its time
        self.assertEqual(self.trials(), 0)
        self.again("token no-mechanism CKM_EC_KEY_PAIR_GEN")
        self.assertEqual(self.trials(), 1)

    def test_not_before_the_login(self):
        self.token.write_pin("4321")
        self.world.start(wait=False)
        world.wait_for(lambda: "error: login needed" in self.world.log(), 20, self.world.log)
        self.assertEqual((self.token.count("C_Login"), self.trials()), (1, 0))

    # -- when it is not to be had ------------------------------------------------------------

    def test_what_a_token_may_answer(self):
        """Whatever it is, the token is ready, and the first key tells what no trial has told."""
        for fault in ("token no-session-pairs", "session_pair rv CKR_DEVICE_MEMORY",
                      "session_pair rv CKR_DEVICE_ERROR", "session_pair rv CKR_GENERAL_ERROR",
                      "session_pair rv-late CKR_FUNCTION_FAILED",
                      "C_DestroyObject rv CKR_FUNCTION_FAILED",
                      "C_GetAttributeValue garbage", "C_GetAttributeValue rv CKR_GENERAL_ERROR"):
            before = self.trials()
            self.start(fault, "token always-authenticate")
            self.assertGreater(self.trials(), before, fault)
            self.assertEqual(self.limitations() == [], "Destroy" not in fault, fault)
            self.assertEqual((self.starts(), self.token.objects()), (self.ready(), 0), fault)
            self.world.stop()
        self.start()
        self.makes_a_key()

    def test_what_the_token_says_is_in_the_log(self):
        self.start("token no-session-pairs")
        self.assertIn("no pair for the session can be made and looked at: C_GenerateKeyPair: "
                      "CKR_ATTRIBUTE_VALUE_INVALID", self.world.log())
        self.makes_a_key()

    # -- when it ends the process ------------------------------------------------------------

    def test_a_module_that_does_not_bear_it(self):
        """One start ends in it, the next one does without."""
        self.world.edit("tokens.d/main.conf", lambda text: text + "key_generation_limit: 1\n")
        for number, fault in enumerate(("crash", "crash after", "kill", "hang", "hang after"), 1):
            self.start("session_pair " + fault)
            self.assertEqual(self.trials(), number, fault)
            self.assertEqual((self.starts(), self.ready()), (2 * number, number), fault)
            self.assertEqual(self.world.log().count(TRIED), number, fault)
            self.assertEqual(self.token.objects(), 0)
            self.assertFalse(os.path.exists(self.world.path("state-hsm-main", "last-words")))
            self.world.stop()
        self.start("session_pair crash", "token always-authenticate")
        self.assertEqual(self.limitations(), [])
        for _ in range(2):  # nor later, in the same process
            self.assertIn("CKA_ALWAYS_AUTHENTICATE", self.world.keydctl(
                "create-key", "--key-spec", "ECC_NIST_P256", check=False).stderr)
        self.token.faults("session_pair crash")
        self.makes_a_key()
        self.assertEqual(self.trials(), 6)
        self.again("session_pair crash")
        self.assertEqual(self.trials(), 6)

    def test_a_crash_outside_of_its_making(self):
        for fault in ("C_GetAttributeValue crash", "C_DestroyObject crash"):
            before = self.starts()
            self.start(fault)
            self.assertEqual(self.starts() - before, 2, fault)
            self.world.stop()

    def test_none_whose_end_could_not_be_told(self):
        """Or a module that does not bear it would end each start for ever."""
        self.start()
        self.world.stop()
        os.symlink("/dev/null", self.world.path("state-hsm-main", "last-words"))
        self.start("session_pair crash")
        self.assertEqual((self.trials(), self.starts(), self.ready()), (1, 2, 2))

    def test_a_session_that_does_not_survive_it(self):
        self.start("session_pair session-invalid")
        self.assertEqual((self.starts(), self.ready(), self.trials()), (2, 1, 1))
        self.assertIn("faulty: C_FindObjectsInit: CKR_SESSION_HANDLE_INVALID", self.world.log())
        self.assertIn(TRIED, self.world.log())
        self.makes_a_key()

    # -- a token that puts it down all the same ----------------------------------------------

    def test_what_was_to_go_with_the_session_and_stays(self):
        self.start("token pairs-stay", "token always-authenticate")
        self.assertEqual(self.limitations(), ["CKA_ALWAYS_AUTHENTICATE"])
        self.assertEqual(self.token.objects(), 0)
        self.again("token pairs-stay", "session_pair kill after ever=1")
        self.assertEqual(self.token.count("session_pair:kill"), 1)
        self.assertEqual(self.token.objects(), 0)
        self.again("token pairs-stay", "C_DestroyObject rv CKR_ACTION_PROHIBITED")
        self.assertEqual(self.token.objects(), 2)
        self.assertIn("what is left of a trial pair could not be removed", self.world.log())
        self.again("token pairs-stay", "C_DestroyObject rv CKR_ACTION_PROHIBITED")
        self.assertEqual(self.token.objects(), 2)  # they do not pile up
        self.makes_a_key()
        self.assertEqual(len(self.world.json("list-keys")["Keys"]), 1)


if __name__ == "__main__":
    world.main()
