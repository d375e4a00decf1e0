# SPDX-License-Identifier: BSD-2-Clause
"""Makes a SoftHSM token by PKCS#11 calls: softhsm2-util would want the PINs as options, and options
are for everybody to see. Used by new-token and new-config."""

import ctypes
import glob
import json
import os
import re
import secrets
import shutil
import subprocess

LABEL_MAX = 32  # bytes, CK_TOKEN_INFO
CKU_SO = 0
CKF_RW_SESSION = 2
CKF_SERIAL_SESSION = 4
CKF_TOKEN_INITIALIZED = 0x400


class Refused(Exception):
    """What was wrong, where, and what to do, for the user."""


class TokenInfo(ctypes.Structure):
    """CK_TOKEN_INFO up to and with its flags; the rest is room."""

    _fields_ = [
        ("label", ctypes.c_char * 32),
        ("manufacturer", ctypes.c_char * 32),
        ("model", ctypes.c_char * 16),
        ("serial", ctypes.c_char * 16),
        ("flags", ctypes.c_ulong),
        ("rest", ctypes.c_char * 256),
    ]


class Token:
    """What was made: the paths and names that keyd-hsm's configuration wants."""

    def __init__(self, folder, label, module):
        self.folder = folder
        self.label = label
        self.module = module
        self.conf = os.path.join(folder, "softhsm2.conf")
        self.store = os.path.join(folder, "tokens")
        self.user_pin = os.path.join(folder, "user-pin")
        self.so_pin = os.path.join(folder, "so-pin")
        self.serial = None

    def yaml(self):
        """The lines of tokens.d/NAME.conf that say where this token is."""
        return (
            f"module: {yaml_text(self.module)}\n"
            f"label: {yaml_text(self.label)}\n"
            f"pin_file: {yaml_text(self.user_pin)}\n"
            "environment:\n"
            "  - name: SOFTHSM2_CONF\n"
            f"    value: {yaml_text(self.conf)}\n"
        )


def yaml_text(text):
    """A string as YAML takes it, quoted where it could be taken for something else."""
    plain = re.fullmatch(r"[A-Za-z/][A-Za-z0-9_./-]*", text)
    words = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
    return text if plain and text.lower() not in words else json.dumps(text)


def find_module():
    """The path of SoftHSM's module: asked of dpkg, else looked for where others put it."""
    try:
        listed = subprocess.run(["dpkg-query", "-L", "libsofthsm2"], capture_output=True,
                                text=True, check=False).stdout.splitlines()
    except OSError:
        listed = []
    usual = ["/usr/lib/*/softhsm", "/usr/lib/softhsm", "/usr/lib64/softhsm",
             "/usr/local/lib/softhsm"]
    paths = listed + [path for place in usual for path in sorted(glob.glob(place + "/*"))]
    for path in paths:
        if os.path.basename(path) == "libsofthsm2.so" and os.path.exists(path):
            return path
    raise Refused("libsofthsm2.so is not on this machine: install the package softhsm2 "
                  "(scripts/setup does), or give --module PATH")


def write_new(path, text, mode):
    """A file that was not there before, on disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


class Module:
    """The few calls that make a token. In use between __enter__ and __exit__."""

    def __init__(self, path):
        try:
            self.library = ctypes.CDLL(path)
        except OSError as error:
            raise Refused(f"{path} cannot be loaded: {error}") from error

    def __enter__(self):
        self.call("C_Initialize", None)
        return self

    def __exit__(self, *unused):
        self.library.C_Finalize(None)

    def call(self, name, *arguments):
        rv = ctypes.c_ulong(getattr(self.library, name)(*arguments)).value
        if rv != 0:
            raise Refused(f"{name} answered 0x{rv:x}")

    def slots(self):
        count = ctypes.c_ulong(0)
        self.call("C_GetSlotList", ctypes.c_ubyte(1), None, ctypes.byref(count))
        slots = (ctypes.c_ulong * count.value)()
        self.call("C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(count))
        return [ctypes.c_ulong(slot) for slot in slots[:count.value]]

    def info(self, slot):
        info = TokenInfo()
        self.call("C_GetTokenInfo", slot, ctypes.byref(info))
        return info

    def first_empty_slot(self):
        for slot in self.slots():
            if not self.info(slot).flags & CKF_TOKEN_INITIALIZED:
                return slot
        raise Refused("the module has no slot with an empty token")

    def init_token(self, slot, label, so_pin, user_pin):
        def pin(text):
            return text.encode(), ctypes.c_ulong(len(text))

        self.call("C_InitToken", slot, *pin(so_pin), label.encode().ljust(LABEL_MAX))
        session = ctypes.c_ulong(0)
        self.call("C_OpenSession", slot, ctypes.c_ulong(CKF_RW_SESSION | CKF_SERIAL_SESSION),
                  None, None, ctypes.byref(session))
        self.call("C_Login", session, ctypes.c_ulong(CKU_SO), *pin(so_pin))
        self.call("C_InitPIN", session, *pin(user_pin))
        self.call("C_CloseSession", session)


def check(folder, label):
    """Refuses what SoftHSM or its configuration file could not hold, and a folder in use."""
    if not 1 <= len(label.encode()) <= LABEL_MAX or not label.isprintable() or label != label.strip():
        raise Refused(f"a token's label has 1 to {LABEL_MAX} bytes, printable, no space around it")
    if re.search(r"[#\n]", folder):
        raise Refused(f"{folder}: softhsm2.conf cannot name a path with # or a line feed in it")
    for name in ("softhsm2.conf", "tokens", "user-pin", "so-pin"):
        if os.path.lexists(os.path.join(folder, name)):
            raise Refused(f"{folder} has a token already ({name} is there): it is left as it is. "
                          "Choose another folder")


def make(folder, label, module=None):
    """Makes a token with random PINs in folder. Removes what it made when it fails."""
    folder = os.path.abspath(folder)
    check(folder, label)
    token = Token(folder, label, module or find_module())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    try:
        os.mkdir(token.store, 0o700)
        write_new(token.conf, f"directories.tokendir = {token.store}\n"
                  "objectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n", 0o600)
        so_pin, user_pin = secrets.token_hex(16), secrets.token_hex(16)
        write_new(token.so_pin, so_pin + "\n", 0o600)
        write_new(token.user_pin, user_pin + "\n", 0o600)
        os.environ["SOFTHSM2_CONF"] = token.conf
        with Module(token.module) as loaded:
            loaded.init_token(loaded.first_empty_slot(), label, so_pin, user_pin)
        with Module(token.module) as loaded:
            made = [info for info in map(loaded.info, loaded.slots())
                    if info.flags & CKF_TOKEN_INITIALIZED]
            if len(made) != 1 or made[0].label.rstrip() != label.encode():
                raise Refused("the token is not there after it was made")
            token.serial = made[0].serial.decode().rstrip()
    except BaseException:
        for path in (token.conf, token.so_pin, token.user_pin):
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree(token.store, ignore_errors=True)
        raise
    return token
