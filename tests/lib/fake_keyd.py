#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A keyd without keys, for tests of clients: answers keyd.v1 on a Unix socket from memory.

    fake_keyd.py SOCKET

Its signatures are the SHA-256 of what they sign. A key named alias/HOW misbehaves in that way, see
MISBEHAVIOURS and FAILURES. Says "ready" on standard output when it serves, and ends with its parent
or when its standard input is closed.
"""
import hashlib
import os
import sys
import tempfile
import threading
import urllib.parse
import uuid
from concurrent import futures

import grpc
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "proto")

PUBLIC_KEY = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004cfd3dafd58927b4617249206"
    "d1d3acc50b173a5e2f3c320d38493ccb79e98cd60a1bde44b94476afced10b3eb0b8525acbef43"
    "898a23a505f307964c3b55d2db")
CALL_ID = "c0ffee00-0000-4000-8000-000000000001"


def load_stubs():
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(PROTO, "keyd", "v1", name) for name in ("key.proto", "keyd.proto")]
        if protoc.main(["protoc", "-I", PROTO, "--python_out", folder] + files) != 0:
            sys.exit("fake_keyd: protoc failed")
        sys.path.insert(0, folder)
        from keyd.v1 import key_pb2, keyd_pb2
        return key_pb2, keyd_pb2


KEY, KEYD = load_stubs()
keys = {}
requests = {}
restarts = {}
lock = threading.Lock()


def answer_ok(context):
    context.set_trailing_metadata((("keyd-call-id", CALL_ID),))


def fail(context, code, reason, message, call_id=CALL_ID):
    metadata = [("keyd-reason", reason)] if reason else []
    if call_id:
        metadata.append(("keyd-call-id", call_id))
    context.set_trailing_metadata(tuple(metadata))
    context.abort(code, message)


FAILURES = {
    "denied": (grpc.StatusCode.PERMISSION_DENIED, "UID_NOT_ALLOWED",
               "keyd.conf lists no such uid (call %s)" % CALL_ID),
    "locked": (grpc.StatusCode.FAILED_PRECONDITION, "LOGIN_NEEDED", "the PIN was refused"),
    "restarted": (grpc.StatusCode.UNAVAILABLE, "TOKEN_RESTARTED", "token t: keyd-hsm went away"),
    "away": (grpc.StatusCode.UNAVAILABLE, "TOKEN_AWAY", "token t: keyd-hsm does not answer"),
    "controls": (grpc.StatusCode.INTERNAL, "bad reason", "a\x1b[31m\n\u009bb\u00e9"),
    "long": (grpc.StatusCode.INTERNAL, "LONG", "\u00e9" * 2000),
}

MISBEHAVIOURS = {
    "garbage": lambda: b"\xff\xff\xff",
    "nothing": lambda: b"",
    "group": lambda: b"\x0b\x0c",
    # DescribeKeyResponse { key_metadata { key_id, description } }
    "nul": lambda: described(b"a\x00b"),
    "utf8": lambda: described(b"a\xc0\xafb"),
    "surrogate": lambda: described(b"\xed\xa0\x80"),
    "sound": lambda: described("gr\u00fc\u00dfe \U0001f511".encode()),
    # GetPublicKeyResponse { key_id, public_key }
    "badkey": lambda: b"\x0a\x24" + str(uuid.UUID(int=1)).encode() + b"\x12\x02\x30\x00",
    "noid": lambda: b"\x0a\x05\x0a\x03abc",
}


def described(description):
    key = b"\x0a\x24" + str(uuid.UUID(int=1)).encode() + b"\x3a" + bytes([len(description)]) \
        + description
    return b"\x0a" + bytes([len(key)]) + key


def misbehave(context, key_id):
    """The bytes of a bad answer, or None where the key is an honest one."""
    name = key_id[len("alias/"):] if key_id.startswith("alias/") else ""
    if name == "hang":
        stopped = threading.Event()
        context.add_callback(stopped.set)
        stopped.wait()
        return b""
    if name == "bare":
        fail(context, grpc.StatusCode.INTERNAL, "", "something else listens", call_id="")
    if name in FAILURES:
        fail(context, *FAILURES[name])
    return MISBEHAVIOURS[name]() if name in MISBEHAVIOURS else None


def find(context, key_id):
    with lock:
        for key in keys.values():
            if key.key_id == key_id or key_id in key.aliases:
                return key
    fail(context, grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND",
         "no key %s (call %s)" % (key_id, CALL_ID))


def make_key(request):
    key = KEYD.KeyMetadata(
        key_id=str(uuid.uuid4()), key_spec=request.key_spec, key_usage=KEY.SIGN_VERIFY,
        key_state=KEY.ENABLED, creation_time=1764000000123, description=request.description,
        token=request.token or "t", default_signing_algorithm=KEY.ECDSA_SHA_256,
        signing_algorithms=[KEY.ECDSA_SHA_256], creator="uid:%d" % os.getuid())
    if request.alias:
        key.aliases.append(request.alias)
    return key


def create_key(request, context):
    bad = misbehave(context, request.alias)
    if bad is not None:
        return bad
    if request.description == "away":
        fail(context, *FAILURES["away"])
    if request.description.startswith("restarted "):
        tries = restarts.setdefault(request.request_id, int(request.description.split()[1]))
        restarts[request.request_id] = tries - 1
        if tries > 0:
            fail(context, *FAILURES["restarted"])
    with lock:
        key = requests.get(request.request_id)
        if key is None:
            if any(request.alias in other.aliases for other in keys.values()):
                fail(context, grpc.StatusCode.ALREADY_EXISTS, "ALIAS_TAKEN", "alias taken")
            key = make_key(request)
            keys[key.key_id] = key
            requests[request.request_id] = key
    answer_ok(context)
    return KEYD.CreateKeyResponse(key_metadata=key)


def describe_key(request, context):
    bad = misbehave(context, request.key_id)
    if bad is not None:
        answer_ok(context)
        return bad
    key = find(context, request.key_id)
    answer_ok(context)
    return KEYD.DescribeKeyResponse(key_metadata=key)


def list_keys(request, context):
    answer_ok(context)
    if request.marker == "bomb":
        return b"\x0a\x00" * 1000000
    if request.marker == "many":
        return described(b"") * 1001
    if request.marker == "endless":
        return KEYD.ListKeysResponse(truncated=True)
    with lock:
        ids = sorted(key_id for key_id in keys if key_id > request.marker)
        page = ids[:request.limit or 100]
        answer = KEYD.ListKeysResponse(keys=[keys[key_id] for key_id in page])
    if len(ids) > len(page):
        answer.truncated = True
        answer.next_marker = page[-1]
    return answer


def get_public_key(request, context):
    bad = misbehave(context, request.key_id)
    if bad is not None:
        answer_ok(context)
        return bad
    key = find(context, request.key_id)
    answer_ok(context)
    return KEYD.GetPublicKeyResponse(key_id=key.key_id, public_key=PUBLIC_KEY,
                                     key_spec=key.key_spec, key_usage=key.key_usage,
                                     signing_algorithms=key.signing_algorithms)


def sign(request, context):
    bad = misbehave(context, request.key_id)
    if bad is not None:
        answer_ok(context)
        return bad
    key = find(context, request.key_id)
    answer_ok(context)
    digest = request.message if request.message_type == KEY.DIGEST \
        else hashlib.sha256(request.message).digest()
    return KEYD.SignResponse(key_id=key.key_id, signature=digest,
                             signing_algorithm=request.signing_algorithm or KEY.ECDSA_SHA_256)


def list_tokens(_, context):
    answer_ok(context)
    return KEYD.ListTokensResponse(
        server_version="0.1.0-fake", default_token="t", principal="uid:%d" % os.getuid(),
        tokens=[KEYD.TokenMetadata(token="t", state=KEYD.READY, label="fake", serial="0001",
                                   manufacturer="nobody", model="none", keys=len(keys),
                                   separate_uid=True, module="A module 1.0 (nobody)",
                                   session_limit=8, free_sessions=3, limitations=[
                                       KEYD.TokenLimitation(name="CKM_EDDSA",
                                                            description="no Ed25519")]),
                KEYD.TokenMetadata(token="u", state=KEYD.LOGIN_NEEDED,
                                   state_message="the PIN was refused"),
                KEYD.TokenMetadata(token="v", state=KEYD.AWAY)])


def handler(function, request):
    return grpc.unary_unary_rpc_method_handler(
        function, request_deserializer=request.FromString,
        response_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString())


METHODS = {
    "CreateKey": handler(create_key, KEYD.CreateKeyRequest),
    "DescribeKey": handler(describe_key, KEYD.DescribeKeyRequest),
    "ListKeys": handler(list_keys, KEYD.ListKeysRequest),
    "GetPublicKey": handler(get_public_key, KEYD.GetPublicKeyRequest),
    "Sign": handler(sign, KEYD.SignRequest),
    "ListTokens": handler(list_tokens, KEYD.ListTokensRequest),
}


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    service = grpc.method_handlers_generic_handler("keyd.v1.KeyService", METHODS)
    server.add_generic_rpc_handlers((service,))
    if server.add_insecure_port("unix:" + urllib.parse.quote(sys.argv[1])) == 0:
        sys.exit("fake_keyd: cannot listen on " + sys.argv[1])
    server.start()
    print("ready", flush=True)
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
