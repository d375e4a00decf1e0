#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""keyd on the mock module: a key signs, and comes back with a keyd-hsm that was killed; a module that
dies, or answers that the token is gone, costs one call."""

import base64
import json
import subprocess

import world


class OnTheMock(world.TestCase):
    kind = "mock"

    def setUp(self):
        super().setUp()
        self.token = self.world.token

    def sign(self, message="a message", check=True):
        return self.world.keydctl("sign", "--key-id", "alias/mine", "--message", message,
                                  "--output", "json", check=check)

    def verify(self, message="a message"):
        """Signs, and has OpenSSL say that the signature is the key's."""
        files = {name: self.world.path(name) for name in ("key.der", "signature", "message")}
        signature = base64.b64decode(json.loads(self.sign(message).stdout)["Signature"])
        for name, data in (("key.der", self.public), ("signature", signature),
                           ("message", message.encode())):
            with open(files[name], "wb") as file:
                file.write(data)
        subprocess.run(["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify",
                        files["key.der"], "-signature", files["signature"], files["message"]],
                       check=True, stdout=subprocess.DEVNULL)

    def begin(self):
        self.world.start()
        self.key = self.world.create_key("alias/mine")
        self.public = self.world.public_key(self.key)
        self.verify()

    def is_back(self):
        world.wait_for(lambda: self.sign(check=False).returncode == 0, 20, self.world.log)
        self.assertEqual(self.world.public_key("alias/mine"), self.public)
        self.verify()

    def test_a_key_outlives_its_process(self):
        self.begin()
        self.assertEqual(self.token.count("C_Login"), 1)
        before = self.token.count("C_Initialize")
        self.world.kill("keyd-hsm main")
        world.wait_for(lambda: self.token.count("C_Initialize") > before, 20, self.world.log)
        self.is_back()
        self.assertEqual(self.token.count("C_GenerateKeyPair"), 1)
        self.assertEqual(self.token.count("C_Login"), 2)

    def test_the_module_dies_in_a_signature(self):
        self.begin()
        for kind in ("crash", "kill"):
            self.token.faults("C_Sign %s ever=1" % kind)
            self.assertNotEqual(self.sign(check=False).returncode, 0)
            self.assertEqual(self.token.count("C_Sign:" + kind), 1)
            self.is_back()

    def test_the_token_is_pulled_out_and_put_back(self):
        self.begin()
        self.token.faults("token removed")
        self.assertNotEqual(self.sign(check=False).returncode, 0)
        self.assertGreaterEqual(self.token.count("token:removed"), 1)
        self.token.faults()
        self.is_back()

    def test_a_wrong_pin_is_never_tried_again(self):
        self.token.write_pin("4321")
        self.world.start(wait=False)
        for _ in range(2):
            world.wait_for(lambda: "LOGIN_NEEDED" in self.world.keydctl("status",
                                                                        check=False).stdout,
                           20, self.world.log)
            before = self.token.count("C_Initialize")
            self.world.kill("keyd-hsm main")
            world.wait_for(lambda: self.token.count("C_Initialize") > before, 20, self.world.log)
        world.wait_for(lambda: self.world.log().count("error: login needed") > 2, 20, self.world.log)
        self.assertEqual(self.token.count("C_Login"), 1)
        with open(self.token.path("state"), encoding="utf-8") as file:
            self.assertIn("token MOCK-main 1\n", file.read())


if __name__ == "__main__":
    world.main()
