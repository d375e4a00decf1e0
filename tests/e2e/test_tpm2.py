#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is tpm2-pkcs11's own: docs/tokens.md says the same in words."""

import json

import tpm2
import world

FAILURE = 1


class Tpm2(world.TestCase):
    kind = "tpm2"

    def sign(self, alias):
        with open(self.world.path("message"), "w", encoding="utf-8") as file:
            file.write("what is signed")
        return self.world.keydctl("sign", "--key-id", alias, "--message",
                                  "fileb://" + self.world.path("message"), "--signature-file",
                                  self.world.path("signature"), check=False)

    def signs(self, alias):
        return self.sign(alias).returncode == 0

    def test_a_wrong_pin_is_tried_once(self):
        """Each try costs one of those that the TPM gives before it locks itself."""
        pin_file = self.world.token.path("user-pin")
        with open(pin_file, encoding="utf-8") as file:
            right = file.read()
        with open(pin_file, "w", encoding="utf-8") as file:
            file.write("wrong\n")
        self.world.start(wait=False)
        world.wait_for(lambda: "login needed: C_Login: CKR_PIN_INCORRECT" in self.world.log(), 15,
                       self.world.log)
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: "has refused the PIN from" in self.world.log(), 15, self.world.log)
        self.assertEqual(self.world.log().count("authorization HMAC check failed"), 1)
        with open(self.world.path("state-hsm-main", "login"), encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["refused"]), 1)
        with open(pin_file, "w", encoding="utf-8") as file:
            file.write(right)
        world.wait_for(lambda: "keyd notice: token=main ready" in self.world.log(), 15,
                       self.world.log)
        self.world.create_key("alias/late")
        self.assertTrue(self.signs("alias/late"))

    def test_the_way_to_the_tpm_is_lost_and_comes_back(self):
        self.world.start()
        self.world.create_key("alias/mine")
        self.assertTrue(self.signs("alias/mine"))
        self.world.token.restart_manager()
        self.fails(self.sign("alias/mine"), FAILURE, "safe to try again")
        self.assertIn("the module has lost the token", self.world.log())
        world.wait_for(lambda: self.signs("alias/mine"), 15, self.world.log)

    def test_a_process_has_room_for_so_many_keys(self):
        """What is too much is an error and no half of a key; what was made is there after a start
        afresh."""
        self.world.start()
        made = 0
        while True:
            done = self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias",
                                      "alias/k%d" % made, check=False)
            if done.returncode != 0:
                break
            made += 1
        self.fails(done, FAILURE, "C_GenerateKeyPair: CKR_GENERAL_ERROR")
        self.assertEqual(made, tpm2.TRANSIENTS_MAX // 2)
        self.assertEqual(self.world.token.objects(), 2 * made)
        self.assertTrue(self.signs("alias/k0"))
        self.world.stop()
        self.world.start()
        self.assertEqual(len(self.world.json("list-keys")["Keys"]), made)
        for number in range(made):
            self.assertTrue(self.signs("alias/k%d" % number))

    def test_what_linux_gives_a_process_is_enough_for_one_new_key(self):
        self.world.token.restart_manager(tpm2.TRANSIENTS_OF_LINUX)
        for number in range(3):
            self.world.start()
            for former in range(number):
                self.assertTrue(self.signs("alias/k%d" % former))
            done = self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias",
                                      "alias/k%d" % number, check=False)
            self.assertEqual(done.returncode == 0, number < 2, done.stderr)
            self.world.stop()
        self.world.start()
        self.fails(self.world.keydctl("create-key", "--key-spec", "RSA_2048", check=False), FAILURE,
                   "C_GenerateKeyPair: CKR_GENERAL_ERROR")
        self.world.stop()
        self.world.start()
        self.world.create_key("alias/k3")


if __name__ == "__main__":
    world.main()
