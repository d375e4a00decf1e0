#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""keyd-hsm dies between the two records of a creation: at its next start the key is there and usable,
or gone on both sides, and its log says which. And a signature that hangs is ended by the watchdog."""

import os
import re
import subprocess

import world

SHIM = os.path.join(world.BUILD, "tests", "shim.so")
ALIAS = "alias/mine"


class Shimmed(world.TestCase):
    """A world whose module is tests/shim, told to misbehave once."""

    def shim(self, *settings, **environment):
        real = self.world.setting("tokens.d/main.conf", "module")
        environment.update(KEYD_SHIM_MODULE=real, KEYD_SHIM_ONCE=self.world.path("happened"))
        entries = "".join("  - name: %s\n    value: '%s'\n" % item for item in environment.items())

        def change(text):
            text = re.sub(r"^module:.*$", "module: " + SHIM, text, flags=re.M)
            text = text.replace("environment:\n", "environment:\n" + entries, 1)
            return text + "".join(setting + "\n" for setting in settings)

        self.world.edit("tokens.d/main.conf", change)
        self.world.start()

    def happened(self):
        return os.path.exists(self.world.path("happened"))

    def journal(self, record):
        """How many records of this type there are."""
        folder = self.world.setting("tokens.d/main.conf", "state_folder")
        with open(os.path.join(folder, "journal")) as file:
            return file.read().count('"type":"%s"' % record)

    def keys(self):
        return [key["KeyId"] for key in self.world.json("list-keys")["Keys"]]

    def sign(self, key, **options):
        message, signature = self.world.path("message"), self.world.path("signature")
        with open(message, "w") as file:
            file.write("what is signed")
        return self.world.keydctl("sign", "--key-id", key, "--message", "fileb://" + message,
                                  "--signature-file", signature, **options)

    def verified(self, key):
        """A signature of the key, judged by OpenSSL's own tool."""
        der = self.world.path("public")
        with open(der, "wb") as file:
            file.write(self.world.public_key(key))
        self.sign(key)
        subprocess.run(["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", der,
                        "-signature", self.world.path("signature"), self.world.path("message")],
                       check=True, stdout=subprocess.DEVNULL)

    def started(self, times):
        world.wait_for(lambda: self.world.log().count("keyd notice: token=main ready") >= times, 15,
                       self.world.log)

    def gone_is_all_of_it(self):
        self.assertEqual(self.keys(), [])
        self.assertEqual(self.world.token.objects(), 0)
        self.assertEqual(self.journal("key.abandoned"), 1)
        self.assertIn("notice: key abandoned, 0 objects of it removed", self.world.log())
        self.fails(self.sign(ALIAS, check=False), 1, ALIAS)
        key = self.world.create_key(ALIAS)
        self.assertEqual(self.keys(), [key])
        self.verified(ALIAS)

    def there_is_one_usable_key(self):
        self.assertEqual(self.world.token.objects(), 2)
        self.assertEqual(self.journal("key.abandoned"), 0)
        self.assertIn("the key is there and usable key=%s" % self.keys()[0], self.world.log())
        described = self.world.json("describe-key", "--key-id", ALIAS)["KeyMetadata"]
        self.assertEqual(self.keys(), [described["KeyId"]])
        self.verified(ALIAS)
        done = self.world.keydctl("create-key", "--key-spec", "ECC_NIST_P256", "--alias", ALIAS,
                                  check=False)
        self.fails(done, 1, ALIAS)


class TheClientWaits(Shimmed):
    """libkeyd sends its request again, under the same request id."""

    def test_killed_before_the_key_is_made(self):
        self.shim(KEYD_SHIM_KILL="before")
        key = self.world.create_key(ALIAS)
        self.assertTrue(self.happened())
        self.assertIn("notice: key abandoned, 0 objects of it removed", self.world.log())
        self.assertEqual(self.journal("key.abandoned"), 1)
        self.assertEqual(self.keys(), [key])
        self.assertEqual(self.world.token.objects(), 2)
        self.verified(ALIAS)

    def test_killed_after_the_key_is_made(self):
        self.shim(KEYD_SHIM_KILL="after")
        key = self.world.create_key(ALIAS)
        self.assertTrue(self.happened())
        self.assertEqual(self.keys(), [key])
        self.there_is_one_usable_key()


class TheClientIsGone(Shimmed):
    """kill -9 from outside, when the creation is known to be at this function; the client first."""

    def kill_at(self, function, *victims):
        self.shim(KEYD_SHIM_HANG=function)
        client = self.world.background(
            world.program("keydctl"), "--socket", self.world.socket, "create-key", "--key-spec",
            "ECC_NIST_P256", "--alias", ALIAS, stdout=subprocess.DEVNULL)
        world.wait_for(self.happened)
        self.assertEqual((self.journal("key.creating"), self.journal("key.created")), (1, 0))
        client.kill()
        client.wait()
        for victim in victims:
            self.world.kill(victim)
        self.started(2)

    def test_before_the_key_is_made(self):
        self.kill_at("C_GenerateKeyPair", "keyd-hsm main")
        self.gone_is_all_of_it()

    def test_before_the_key_is_made_and_keyd_with_it(self):
        self.kill_at("C_GenerateKeyPair", "keyd", "keyd-hsm main")
        self.gone_is_all_of_it()

    def test_after_the_key_is_made(self):
        self.kill_at("C_SignInit", "keyd-hsm main")  # by which the new pair proves itself
        self.there_is_one_usable_key()

    def test_after_the_key_is_made_and_keyd_with_it(self):
        self.kill_at("C_SignInit", "keyd", "keyd-hsm main")
        self.there_is_one_usable_key()


    def test_a_login_that_is_needed_in_between_loses_no_alias(self):
        pin = self.world.setting("tokens.d/main.conf", "pin_file")
        self.shim(KEYD_SHIM_HANG="C_SignInit")
        self.world.background(
            world.program("keydctl"), "--socket", self.world.socket, "create-key", "--key-spec",
            "ECC_NIST_P256", "--alias", ALIAS, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        world.wait_for(self.happened)
        os.rename(pin, pin + ".away")
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.token()["State"] == "LOGIN_NEEDED", 15, self.world.log)
        # Whether the key came to be is not known yet, so nothing is said to be gone.
        self.fails(self.sign(ALIAS, check=False), 1)
        self.assertNotIn("the alias is free again", self.world.log())
        os.rename(pin + ".away", pin)
        self.started(2)
        self.there_is_one_usable_key()

    def token(self):
        return self.world.json("status")["Tokens"][0]


class HungSignature(Shimmed):
    def test_the_watchdog_ends_it_and_the_next_one_succeeds(self):
        self.world.start()
        key = self.world.create_key(ALIAS)
        self.world.stop()
        self.shim("module_call_limit: 1", KEYD_SHIM_HANG="C_Sign")
        done = self.sign(key, check=False)
        self.assertTrue(self.happened())
        self.assertIn(done.returncode, (0, 1))  # libkeyd may try again within its deadline
        self.assertIn("has not come back from C_Sign within 1.0 seconds", self.world.log())
        self.verified(key)


if __name__ == "__main__":
    world.main()
