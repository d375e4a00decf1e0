#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a token cannot do is found when keyd-hsm starts, shown by keydctl status, and refused by its name
when it is asked for."""

import time

import world

FAILURE, REFUSAL = 1, 3


class Limitations(world.TestCase):
    kind = "mock"

    def start(self, *faults):
        self.world.token.faults(*faults)
        self.world.start()

    def status(self):
        return self.world.json("status")["Tokens"][0]

    def limitations(self):
        return {one["Name"]: one["Description"] for one in self.status()["Limitations"]}

    def create(self, spec="ECC_NIST_P256", alias="alias/new"):
        return self.world.keydctl("create-key", "--key-spec", spec, "--alias", alias, check=False)

    def sign(self, *arguments):
        return self.world.keydctl("sign", "--key-id", "alias/one", "--message", "x", *arguments,
                                  check=False)

    def nothing_was_made(self):
        self.assertEqual(self.world.token.count("C_GenerateKeyPair"), 0)
        self.assertEqual(self.world.token.objects(), 0)
        self.assertEqual(self.world.json("list-keys")["Keys"], [])
        self.assertEqual(self.journal("key.creating"), 0)

    def journal(self, record):
        with open(self.world.path("state-hsm-main", "journal"), encoding="utf-8") as file:
            return file.read().count('"type":"%s"' % record)

    def test_a_good_token_has_none(self):
        self.start()
        self.assertEqual(self.limitations(), {})
        self.assertEqual(self.status()["Module"], "mock 1.0 (keyd tests)")

    def test_a_mechanism(self):
        self.start("token no-mechanism CKM_EDDSA")
        self.assertEqual(self.limitations()["CKM_EDDSA"], "not offered: no signatures by "
                         "ED25519_SHA_512; no new keys of ECC_NIST_EDWARDS25519")
        self.assertIn("CKM_EDDSA", self.world.keydctl("status").stdout)
        self.fails(self.create("ECC_NIST_EDWARDS25519"), FAILURE, "does not offer CKM_EDDSA")
        self.nothing_was_made()

    def test_few_sessions(self):
        self.start("token max-sessions 3")
        self.assertIn("2 of 4 signers", self.limitations()["SESSIONS"])
        self.assertEqual((self.status()["SessionLimit"], self.status()["FreeSessions"]), (3, 0))
        self.assertRegex(self.world.keydctl("status").stdout, "0 of 3 free")
        self.world.create_key("alias/one")
        self.assertEqual(self.sign().returncode, 0)

    def test_one_session_is_too_few(self):
        """It is looked at again, and not logged in to before there are two."""
        self.world.token.faults("token max-sessions 1")
        self.world.start(wait=False)
        world.wait_for(lambda: "keyd-hsm needs two" in self.world.log(), 20, self.world.log)
        world.wait_for(lambda: "FAULTY" in self.world.keydctl("status", check=False).stdout, 20,
                       self.world.log)
        self.assertIn("one session for all its users", self.status()["StateMessage"])
        time.sleep(6)
        self.assertGreater(self.world.token.count("C_GetTokenInfo"), 1)
        self.assertEqual(self.world.token.count("C_Login"), 0)

    def test_free_sessions(self):
        self.start("token max-sessions 16")
        self.assertEqual(self.limitations(), {})
        self.assertEqual((self.status()["SessionLimit"], self.status()["FreeSessions"]), (16, 11))

    def test_no_copyable_attribute(self):
        self.start("token no-attribute CKA_COPYABLE")
        self.assertIn("CKA_COPYABLE", self.limitations())
        self.world.create_key("alias/one")
        self.assertEqual(self.sign().returncode, 0)

    def test_copyable_keys_that_are_there(self):
        """Where there was nothing to try, or a key was made before."""
        self.start("token no-attribute CKA_COPYABLE", "token no-session-pairs")
        self.assertEqual(self.limitations(), {})
        self.world.create_key("alias/one")
        self.world.stop()
        self.world.start()
        self.assertIn("CKA_COPYABLE", self.limitations())
        self.world.stop()
        self.start()  # the token has learned it, and the key is what it was
        self.assertIn("CKA_COPYABLE", self.limitations())

    def test_a_token_that_wants_the_pin_each_time(self):
        """Known before there is any key, and nothing is put on the token to learn it."""
        self.start("token always-authenticate")
        self.assertIn("CKA_ALWAYS_AUTHENTICATE", self.limitations())
        self.assertIn("CKA_ALWAYS_AUTHENTICATE", self.world.keydctl("status").stdout)
        for spec in ("ECC_NIST_P256", "RSA_2048"):
            self.fails(self.create(spec), REFUSAL, "keys of " + spec, "CKA_ALWAYS_AUTHENTICATE")
        self.nothing_was_made()
        self.assertEqual(self.world.token.count("session_pair"), 3)
        self.world.token.faults()
        self.assertEqual(self.create().returncode, 0)  # asked again, and it does so no more
        self.assertEqual(self.world.token.count("session_pair"), 4)
        self.assertEqual(self.create(alias="alias/second").returncode, 0)
        self.assertEqual(self.world.token.count("session_pair"), 4)
        self.assertEqual(self.world.token.objects(), 4)
        self.world.stop()
        self.world.start()
        self.assertEqual(self.limitations(), {})

    def test_a_token_that_has_come_to_want_the_pin_each_time(self):
        """Beside keys that do without: found by the next one, known from the next start on. No trial is
        risked where the token has keys to sign with."""
        self.start()
        self.world.create_key("alias/one")
        self.world.token.faults("token always-authenticate")
        self.fails(self.create(), REFUSAL, "CKA_ALWAYS_AUTHENTICATE")
        self.world.stop()
        self.world.start()
        self.assertIn("makes keys so", self.limitations()["CKA_ALWAYS_AUTHENTICATE"])
        self.fails(self.create(), REFUSAL, "CKA_ALWAYS_AUTHENTICATE")
        self.assertEqual((self.journal("key.creating"), self.journal("key.abandoned")), (3, 2))
        self.assertEqual(self.world.token.objects(), 2)
        self.assertEqual(self.world.token.count("session_pair"), 1)  # at the first start
        self.world.token.faults()
        self.assertEqual(self.sign().returncode, 0)

    def test_a_key_that_wants_the_pin_each_time_is_not_kept(self):
        """Where the token makes no pair for a session it is seen with the first key."""
        self.start("token always-authenticate", "token no-session-pairs")
        self.assertEqual(self.limitations(), {})
        self.fails(self.create(), REFUSAL, "CKA_ALWAYS_AUTHENTICATE")
        self.assertEqual(self.world.token.count("C_GenerateKeyPair"), 1)
        self.assertEqual(self.world.token.objects(), 0)
        self.assertEqual(self.world.json("list-keys")["Keys"], [])
        self.world.stop()
        self.world.start()  # and now it is known from the start
        self.assertIn("CKA_ALWAYS_AUTHENTICATE", self.limitations())
        self.world.token.faults()
        self.assertEqual(self.create().returncode, 0)  # the alias is free
        self.world.stop()
        self.world.start()
        self.assertEqual(self.limitations(), {})

    def test_a_key_that_has_come_to_want_the_pin_each_time(self):
        self.start()
        self.world.create_key("alias/one")
        self.world.stop()
        self.world.token.always_authenticate()
        self.world.start()
        self.assertIn("CKA_ALWAYS_AUTHENTICATE", self.limitations())
        before = self.world.token.count("C_SignInit")
        self.fails(self.sign(), REFUSAL, "cannot sign", "CKA_ALWAYS_AUTHENTICATE")
        self.assertEqual(self.world.token.count("C_SignInit"), before)
        key = self.world.json("describe-key", "--key-id", "alias/one")["KeyMetadata"]
        self.assertEqual(key["KeyState"], "UNAVAILABLE")
        self.assertIn("CKA_ALWAYS_AUTHENTICATE", key["StateReason"])

    def test_a_read_only_token_signs(self):
        self.start()
        self.world.create_key("alias/one")
        self.world.stop()
        self.start("token read-only")
        self.assertIn("CKF_WRITE_PROTECTED", self.limitations())
        self.assertEqual(self.sign().returncode, 0)
        self.fails(self.create(), REFUSAL, "the token is write-protected")
        self.world.token.faults()  # it is no longer; keyd-hsm notices when it is asked
        world.wait_for(lambda: self.create().returncode == 0, 20, self.world.log)
        self.assertEqual(self.limitations(), {})


if __name__ == "__main__":
    world.main()
