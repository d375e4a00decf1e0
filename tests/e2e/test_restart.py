#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What was acknowledged is there after a restart, an orderly one or not."""

import subprocess

import world


class Restart(world.TestCase):
    def test_keys_and_aliases_stay(self):
        self.world.start()
        keys = {alias: self.world.create_key(alias) for alias in ("alias/one", "alias/two")}
        public = self.world.public_key("alias/one")
        self.world.stop()
        self.world.start()
        for alias, key in keys.items():
            self.assertEqual(self.world.json("describe-key", "--key-id", alias)["KeyMetadata"]
                             ["KeyId"], key)
        self.assertEqual(self.world.public_key("alias/one"), public)
        self.verify("alias/one", public)

    def verify(self, key, public):
        """By OpenSSL's own tool."""
        message, signature, der = (self.world.path(name) for name in ("m", "s", "p"))
        with open(message, "w") as file:
            file.write("what is signed")
        with open(der, "wb") as file:
            file.write(public)
        self.world.keydctl("sign", "--key-id", key, "--message", "fileb://" + message,
                           "--signature-file", signature)
        subprocess.run(["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", der,
                        "-signature", signature, message], check=True, stdout=subprocess.DEVNULL)

    def test_a_sign_waits_for_a_restarting_keyd_hsm(self):
        self.world.start()
        key = self.world.create_key("alias/one")
        for times in range(1, 6):
            self.world.kill("keyd-hsm main")
            world.wait_for(lambda: self.world.log().count("connection to keyd-hsm broke") == times)
            self.world.keydctl("sign", "--key-id", key, "--message", "x")

    def test_public_halves_are_told_while_the_token_is_away(self):
        self.world.start()
        key = self.world.create_key("alias/one")
        public = self.world.public_key(key)
        self.world.edit("tokens.d/main.conf", lambda text: text.replace(
            "module: ", "module: /nonexistent", 1))
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.described("alias/one")["KeyState"] == "UNAVAILABLE")
        self.assertEqual(self.world.public_key("alias/one"), public)
        done = self.world.keydctl("sign", "--key-id", key, "--message", "x", check=False)
        self.fails(done, 1, "/nonexistent")

    def described(self, key):
        return self.world.json("describe-key", "--key-id", key)["KeyMetadata"]

    def test_a_journal_that_lost_its_end_is_noticed(self):
        self.world.start()
        self.world.create_key("alias/one")
        self.world.create_key("alias/two")
        self.world.stop()
        journal = self.world.path("state-hsm-main", "journal")
        with open(journal) as file:
            lines = file.readlines()
        with open(journal, "w") as file:
            file.writelines(lines[:3])  # a whole chain, but of one key
        self.world.start()
        self.assertIn("1 of the token's private keys are not in the journal", self.world.log())

    def test_a_second_keyd_disturbs_nobody(self):
        self.world.start()
        self.world.create_key("alias/one")
        with open(self.world.path("keyd.conf")) as file:
            text = file.read()
        with open(self.world.path("second.conf"), "w") as file:
            file.write(text.replace("catalog.db", "other.db"))
        done = self.world.run("keyd", "--config", self.world.path("second.conf"), check=False)
        self.fails(done, 1, "another keyd runs on")
        self.assertEqual(self.world.log().count("notice: front connected"), 1)
        self.world.keydctl("sign", "--key-id", "alias/one", "--message", "x")

    def test_a_key_of_a_token_that_was_not_seen_yet_is_unavailable_not_unknown(self):
        self.world.start()
        key = self.world.create_key("alias/one")
        self.world.stop()
        with open(self.world.log_path, "a") as log:
            self.world.background(world.program("keyd"), "--config",
                                  self.world.path("keyd.conf"), stderr=log)
        world.wait_for(lambda: self.world.keydctl("status", check=False).returncode == 0)
        for name in (key, "alias/one"):
            done = self.world.keydctl("--timeout", "2", "sign", "--key-id", name, "--message", "x",
                                      check=False)
            self.fails(done, 1)
            self.assertNotIn("NOT_FOUND", done.stderr)
            self.assertNotIn("no such", done.stderr)


if __name__ == "__main__":
    world.main()
