#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""CreateKey, with keyd, keyd-hsm or both killed by -9 at every moment of it: afterwards key and alias
are both there or neither, and the same request_id gives exactly one key."""

import os
import random
import re
import subprocess
import sys
import time

import grpc

import world

KILLS = int(os.environ.get("KEYD_TEST_KILLS", 20))
WAIT_S = 20


class CreateCrash(world.TestCase):
    def setUp(self):
        super().setUp()
        stubs = self.world.path("stubs")
        os.mkdir(stubs)
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", world.SOURCE + "/proto",
                        "--python_out", stubs, "--grpc_python_out", stubs,
                        "keyd/v1/key.proto", "keyd/v1/keyd.proto"], check=True)
        sys.path.insert(0, stubs)
        from keyd.v1 import key_pb2, keyd_pb2, keyd_pb2_grpc
        self.key, self.keyd, self.stub = key_pb2, keyd_pb2, keyd_pb2_grpc.KeyServiceStub
        self.channel = None
        self.addCleanup(lambda: self.channel.close())
        self.world.start()
        self.connect()

    def connect(self):
        """A new connection: to the keyd that runs now, without the old one's back-off."""
        if self.channel is not None:
            self.channel.close()
        self.channel = grpc.insecure_channel("unix:" + self.world.socket, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 20),
            ("grpc.min_reconnect_backoff_ms", 20), ("grpc.max_reconnect_backoff_ms", 50)])
        self.service = self.stub(self.channel)

    # -- asking ------------------------------------------------------------------------------

    def begin(self, number):
        return self.service.CreateKey.future(self.keyd.CreateKeyRequest(
            key_spec=self.key.ECC_NIST_P256, alias="alias/k%d" % number,
            request_id="request-%d" % number), timeout=WAIT_S)

    def keys(self):
        """The key id of each alias. A key that has none has appeared without it."""
        page = self.service.ListKeys(self.keyd.ListKeysRequest(limit=1000), timeout=WAIT_S)
        for key in page.keys:
            self.assertEqual(len(key.aliases), 1, "a key without its alias: %s\n%s" % (
                key, self.world.log()[-5000:]))
        return {key.aliases[0]: key.key_id for key in page.keys}

    def described(self, alias):
        try:
            return self.service.DescribeKey(self.keyd.DescribeKeyRequest(key_id=alias),
                                            timeout=WAIT_S).key_metadata.key_id
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND, error.details())
            return None

    def wait_until_ready(self):
        self.connect()
        world.wait_for(lambda: self.service.ListTokens(
            self.keyd.ListTokensRequest(), timeout=WAIT_S, wait_for_ready=True
        ).tokens[0].state == self.keyd.READY, WAIT_S, self.world.log)

    # -- killing -----------------------------------------------------------------------------

    def freeze(self, names):
        for name in names:
            world.freeze(self.world.pid(name))

    def kill(self, names):
        victims = {name: self.world.pid(name) for name in names}
        for pid in victims.values():
            os.kill(pid, 9)
        for name, pid in victims.items():
            world.wait_for(lambda: self.world.pid(name) != pid, WAIT_S, self.world.log)

    def usual_time(self):
        took = []
        for number in range(1000, 1005):
            begun = time.monotonic()
            self.begin(number).result()
            took.append(time.monotonic() - begun)
        return sorted(took)[2]

    def kill_during_creations(self, *names):
        usual = self.usual_time()
        before = self.keys()
        chance = random.Random(1)
        order = list(range(KILLS))
        chance.shuffle(order)  # no moment is always that of a young process
        outcomes = []
        for number in order:
            alias = "alias/k%d" % number
            if number == 0:
                self.freeze(names)  # this one is dead before it can read the request
            call = self.begin(number)
            # keyd is to have sent it, or it waits for the next keyd-hsm.
            time.sleep(usual * 1.5 * number / (KILLS - 1) if number != 0 else 0.3)
            self.kill(names)
            answered = call.exception() is None
            self.wait_until_ready()
            keys = self.keys()
            added = set(keys) - set(before)
            self.assertLessEqual(added, {alias})
            self.assertEqual(self.described(alias), keys.get(alias))
            if answered:
                self.assertEqual(keys[alias], call.result().key_metadata.key_id)
            outcomes.append("answered" if answered else "both" if added else "neither")
            again = self.begin(number).result().key_metadata.key_id
            self.assertEqual(again, keys.get(alias, again), "the same request has made two keys")
            self.service.Sign(self.keyd.SignRequest(key_id=alias, message=b"x"), timeout=WAIT_S)
            before[alias] = again
            self.assertEqual(self.keys(), before)
        print("%s killed %d times within %.1f ms: %s" % (
            " and ".join(names), KILLS, usual * 1500,
            ", ".join("%d %s" % (outcomes.count(word), word)
                      for word in ("neither", "both", "answered"))))
        self.assertIn("neither", outcomes)
        self.assertNotEqual({"neither"}, set(outcomes), "no kill came late enough")
        self.look_at_the_token_itself(before)

    def look_at_the_token_itself(self, keys):
        """A keyd-hsm that starts afresh finds those keys and no other, nor any half of one."""
        self.kill(["keyd", "keyd-hsm main"])
        self.wait_until_ready()
        self.assertEqual(self.keys(), keys)
        self.world.stop()  # SoftHSM's files are for one process at a time
        for kind in ("privkey", "pubkey"):
            self.assertEqual(self.objects(kind), sorted(key.replace("-", "") for key in
                                                        keys.values()), self.world.log()[-5000:])

    def objects(self, kind):
        """CKA_ID of all objects of a kind, as another program finds them on the token."""
        return sorted(re.findall(r"^ *ID: *([0-9a-f]+)$", self.world.pkcs11_tool(
            "--list-objects", "--type", kind), re.M))

    def test_keyd(self):
        self.kill_during_creations("keyd")

    def test_keyd_hsm(self):
        self.kill_during_creations("keyd-hsm main")

    def test_both(self):
        self.kill_during_creations("keyd", "keyd-hsm main")


if __name__ == "__main__":
    world.main()
