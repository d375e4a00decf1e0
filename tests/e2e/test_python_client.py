#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Any gRPC client will do: stubs made from proto/, signatures verified by another library."""

import hashlib
import subprocess
import sys

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

import world


class PythonClient(world.TestCase):
    def setUp(self):
        super().setUp()
        stubs = self.world.path("stubs")
        subprocess.run(["mkdir", stubs], check=True)
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", world.SOURCE + "/proto",
                        "--python_out", stubs, "--grpc_python_out", stubs,
                        "keyd/v1/key.proto", "keyd/v1/keyd.proto"], check=True)
        sys.path.insert(0, stubs)
        from keyd.v1 import key_pb2, keyd_pb2, keyd_pb2_grpc
        self.key, self.keyd = key_pb2, keyd_pb2
        self.world.start()
        self.channel = grpc.insecure_channel("unix:" + self.world.socket)
        self.addCleanup(self.channel.close)
        self.service = keyd_pb2_grpc.KeyServiceStub(self.channel)

    def create(self, **fields):
        fields.setdefault("key_spec", self.key.ECC_NIST_P256)
        return self.service.CreateKey(
            self.keyd.CreateKeyRequest(**fields), timeout=20).key_metadata

    def test_create_read_sign_verify(self):
        made = self.create(alias="alias/a4lksk", description="Animals for Life")
        self.assertEqual(made.key_state, self.key.ENABLED)
        self.assertEqual(list(made.aliases), ["alias/a4lksk"])
        self.assertEqual(made.default_signing_algorithm, self.key.ECDSA_SHA_256)

        told = self.service.GetPublicKey(self.keyd.GetPublicKeyRequest(key_id="alias/a4lksk"))
        self.assertEqual(told.key_id, made.key_id)
        public = load_der_public_key(told.public_key)
        self.assertEqual(public.curve.name, "secp256r1")

        message = b"what is signed" * 1000
        raw = self.service.Sign(self.keyd.SignRequest(key_id="alias/a4lksk", message=message))
        public.verify(raw.signature, message, ec.ECDSA(SHA256()))
        digest = hashlib.sha256(message).digest()
        signed = self.service.Sign(self.keyd.SignRequest(
            key_id=made.key_id, message=digest, message_type=self.key.DIGEST))
        public.verify(signed.signature, digest, ec.ECDSA(utils.Prehashed(SHA256())))
        with self.assertRaises(InvalidSignature):
            public.verify(raw.signature, message + b"!", ec.ECDSA(SHA256()))

    def refused(self, code, reason, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        error = caught.exception
        metadata = dict(error.trailing_metadata())
        self.assertEqual(error.code(), code, error.details())
        self.assertEqual(metadata.get("keyd-reason"), reason, error.details())
        self.assertIn(metadata["keyd-call-id"], error.details())
        return error.details()

    def test_the_same_request_twice_makes_one_key(self):
        first = self.create(request_id="r1", alias="alias/one")
        again = self.create(request_id="r1", alias="alias/one")
        self.assertEqual(first.key_id, again.key_id)
        self.refused(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED",
                     lambda: self.create(request_id="r1", alias="alias/two"))
        self.refused(grpc.StatusCode.ALREADY_EXISTS, "ALIAS_TAKEN",
                     lambda: self.create(request_id="r2", alias="alias/one"))
        self.assertEqual(len(self.service.ListKeys(self.keyd.ListKeysRequest()).keys), 1)

    def test_bad_requests_are_told_apart(self):
        key = self.create().key_id
        bad = grpc.StatusCode.INVALID_ARGUMENT

        def sign(**fields):
            return lambda: self.service.Sign(self.keyd.SignRequest(**fields))
        self.refused(grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND",
                     sign(key_id="00112233-4455-4677-8899-aabbccddeeff", message=b"x"))
        self.refused(grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND",
                     sign(key_id="alias/nobody", message=b"x"))
        self.refused(bad, "DIGEST_LENGTH",
                     sign(key_id=key, message=b"x" * 31, message_type=self.key.DIGEST))
        self.refused(bad, "MESSAGE_LENGTH", sign(key_id=key, message=b"x" * 65537))
        self.refused(bad, "MESSAGE_LENGTH", sign(key_id=key, message=b""))
        self.refused(bad, "ALGORITHM_MISMATCH",
                     sign(key_id=key, message=b"x", signing_algorithm=self.key.ECDSA_SHA_384))
        sign(key_id=key, message=b"x" * 65536)()

    def test_pages(self):
        made = sorted(self.create().key_id for _ in range(5))
        page = self.service.ListKeys(self.keyd.ListKeysRequest(limit=3))
        self.assertTrue(page.truncated)
        rest = self.service.ListKeys(
            self.keyd.ListKeysRequest(limit=3, marker=page.next_marker))
        self.assertFalse(rest.truncated)
        self.assertEqual([key.key_id for key in page.keys] + [key.key_id for key in rest.keys], made)


if __name__ == "__main__":
    world.main()
