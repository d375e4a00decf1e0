# SPDX-License-Identifier: BSD-2-Clause
"""tpm2-pkcs11 as a token of a world: a real PKCS #11 module over a TPM in software, swtpm, behind the
resource manager tpm2-abrmd. scripts/setup unpacks all of them into build/tpm2.

The manager is not for show: a TPM holds three keys at a time, and what a killed keyd-hsm has left
loaded in it is nobody's to unload but the manager's. It talks D-Bus, on a bus of its own here.

As a program, which Token runs with the libraries' folder in place, it talks to the module:

    tpm2.py probe                          whether the module finds its TPM
    tpm2.py make LABEL SO-PIN USER-PIN     makes the token, with the PINs from those files
"""

import glob
import os
import secrets
import socket
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOT = os.path.join(SOURCE, "build", "tpm2")
LIBRARIES = os.path.join(ROOT, "usr", "lib", "*-linux-gnu")

# What each client may have loaded: tpm2-abrmd's own maximum, and what Linux gives at /dev/tpmrm0. The
# module never unloads anything: two for each pair that it makes, one for each other key that it signs
# with.
TRANSIENTS_MAX = 100
TRANSIENTS_OF_LINUX = 3

BUS = """\
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="com.intel.tss2.Tabrmd"/>
  </policy>
</busconfig>
"""


def libraries():
    found = glob.glob(LIBRARIES)
    if not found:
        raise AssertionError("%s is not there: run scripts/setup" % ROOT)
    return found[0]


def is_served(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
        return True


class Token:
    counts_wrong_pins = False
    lacks = {
        "ECC_NIST_EDWARDS25519": "CKM_EC_EDWARDS_KEY_PAIR_GEN",
        "RSA_4096": "CKM_RSA_PKCS_KEY_PAIR_GEN for keys of 1024 to 3072 bits",
        "RSASSA_PSS_SHA_256": "CKM_RSA_PKCS_PSS",
        "RSASSA_PSS_SHA_384": "CKM_RSA_PKCS_PSS",
        "RSASSA_PSS_SHA_512": "CKM_RSA_PKCS_PSS",
    }

    def __init__(self, where, name):
        import world  # not for the program below: it runs on its own
        self.world = world
        self.folder = where.path("tpm2-" + name)
        self.programs = []
        self.environment = {
            "TPM2_PKCS11_STORE": self.path("store"),
            "TPM2_PKCS11_TCTI": "tabrmd:bus_type=session",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=" + self.path("bus"),
        }
        # Where the loader of keyd-hsm, and of whatever else a test runs, finds the module's own.
        os.environ["LD_LIBRARY_PATH"] = "%s:%s/swtpm" % (libraries(), libraries())
        try:
            self.start()
            self.make(name)
        except BaseException:
            self.end()
            raise
        lines = ["module: " + os.path.join(libraries(), "libtpm2_pkcs11.so.1"), "label: " + name,
                 "pin_file: " + self.path("user-pin"), "environment:"]
        for variable, value in self.environment.items():
            lines += ["  - name: " + variable, "    value: '%s'" % value]
        where.place(name, "\n".join(lines) + "\n")

    def start(self):
        for folder in (self.folder, self.path("tpm"), self.path("store")):
            os.mkdir(folder, 0o700)
        with open(self.path("bus.conf"), "w", encoding="utf-8") as file:
            file.write(BUS % self.path("bus"))
        self.run("bin/swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.path("tpm"),
                 "--server", "type=unixio,path=" + self.path("swtpm"),
                 "--ctrl", "type=unixio,path=" + self.path("swtpm.ctrl"),
                 "--flags", "not-need-init,startup-clear")
        self.run("bin/dbus-daemon", "--nofork", "--nopidfile", "--nosyslog",
                 "--config-file=" + self.path("bus.conf"))
        for name in ("swtpm", "swtpm.ctrl", "bus"):
            self.world.wait_for(lambda: is_served(self.path(name)), 10, self.log)
        self.start_manager()

    def start_manager(self, transients=TRANSIENTS_MAX):
        self.run("sbin/tpm2-abrmd", "--session", "--allow-root",
                 "--max-transients=%d" % (transients - 1),  # it allows one more than that
                 "--tcti=swtpm:path=" + self.path("swtpm"))
        self.world.wait_for(lambda: self.ask("probe").returncode == 0, 10, self.log)

    def restart_manager(self, transients=TRANSIENTS_MAX):
        """What is open to it is lost."""
        manager = self.programs.pop()
        manager.terminate()
        manager.wait(timeout=10)
        self.start_manager(transients)

    def make(self, label):
        for pin in ("so-pin", "user-pin"):
            with open(self.path(pin), "w", encoding="utf-8") as file:
                os.chmod(self.path(pin), 0o600)
                file.write(secrets.token_hex(16) + "\n")
        made = self.ask("make", label, self.path("so-pin"), self.path("user-pin"))
        if made.returncode != 0:
            raise AssertionError("no token:\n%s\n%s" % (made.stderr, self.log()))

    def run(self, program, *arguments):
        """In the background; it ends with this process, however that ends."""
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.programs.append(subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(ROOT, "usr", program), *arguments],
                env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log))

    def ask(self, *arguments):
        return subprocess.run([sys.executable, os.path.abspath(__file__), *arguments], text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30,
                              env={**os.environ, **self.environment}, check=False)

    def objects(self):
        with sqlite3.connect(self.path("store", "tpm2_pkcs11.sqlite3")) as store:
            return store.execute("SELECT COUNT(*) FROM tobjects").fetchone()[0]

    def end(self):
        for program in reversed(self.programs):
            program.terminate()
            try:
                program.wait(timeout=10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        self.programs = []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()


def read_pin(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def main(command, *arguments):
    sys.path.insert(0, os.path.join(SOURCE, "softhsm-conf"))
    import softhsm  # its calls are PKCS #11's, and any module's
    try:
        with softhsm.Module(os.path.join(libraries(), "libtpm2_pkcs11.so.1")) as module:
            if command == "make":
                label, so_pin, user_pin = arguments
                module.init_token(module.first_empty_slot(), label, read_pin(so_pin),
                                  read_pin(user_pin))
    except softhsm.Refused as error:
        sys.exit("tpm2.py: %s" % error)


if __name__ == "__main__":
    main(*sys.argv[1:])
