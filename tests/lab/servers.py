# SPDX-License-Identifier: BSD-2-Clause
"""Name servers for tests: NSD, BIND's named and Knot's knotd, each with zones from files in a folder, on
loopback and a free port. Root is not needed; each is ended by its own process.

    server = Knot(folder, {"example.org": ANYONE})
    server.write_zone("example.org", text)
    server.start()
    ...
    server.stop()
"""

import os
import shutil
import socket
import subprocess
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ANYONE = None  # on this host


def peer(name):
    """The path of a program: the machine's own, else the one that scripts/setup unpacked."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    path = path or os.path.join(TREE, "build", "peers", "usr", "sbin", name)
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{name} is neither installed nor in build/peers: run scripts/setup")
    return path


def free_port():
    """For TCP and UDP, on both loopback addresses."""
    for _ in range(50):
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                tcp.bind(("::", 0))
                udp.bind(("::", tcp.getsockname()[1]))
                return tcp.getsockname()[1]
            except OSError:
                continue
    raise RuntimeError("no free port")


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False, **options)


class Server:
    """A folder with zones, keys and configuration, and the server on it. `zones` says of each zone who
    may transfer it: ANYONE, or those with one of the keys, which are called ALGORITHM.key."""

    def __init__(self, folder, zones, secrets=None):
        self.folder = folder
        self.zones = zones
        self.secrets = secrets or {}
        self.log = None
        self.process = None
        self.port = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def zone_path(self, zone):
        return self.path("root" if zone == "." else zone)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="ascii") as file:
            os.chmod(self.path(name), mode)
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def write_zone(self, zone, text):
        self.write(self.zone_path(zone), text, 0o644)

    def said(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self):
        for _ in range(5):
            self.port = free_port()
            command = self.configure()
            self.log = open(self.path("log"), "w", encoding="utf-8")
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                            stderr=self.log, cwd=self.folder)
            if all(self.answers(zone) for zone in self.zones):
                return self
            self.stop()
            if "in use" not in self.said():
                break
        raise RuntimeError(f"{command[0]} does not start, or not with all zones: {self.said()}")

    def dig(self, *question):
        return run("dig", "@127.0.0.1", "-p", str(self.port), "+norecurse", "+time=5", "+tries=1",
                   "+tcp", *question).stdout

    def answers(self, zone):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            if "status: NOERROR" in self.dig(zone, "SOA"):
                return True
            time.sleep(0.1)
        return False

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.process = None


class Nsd(Server):
    def configure(self):
        keys = "".join(f'key:\n  name: {name}.key\n  algorithm: hmac-{name}\n  secret: "{secret}"\n'
                       for name, secret in self.secrets.items())
        zones = ""
        for zone, allowed in self.zones.items():
            zones += f'zone:\n  name: "{zone}"\n  zonefile: "{self.zone_path(zone)}"\n'
            for key in ["NOKEY"] if allowed is ANYONE else allowed:
                zones += f"  provide-xfr: 127.0.0.1 {key}\n  provide-xfr: ::1 {key}\n"
        self.write("nsd.conf", f"""server:
  ip-address: 127.0.0.1
  ip-address: ::1
  port: {self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  database: ""
  xfrdfile: ""
  xfrdir: "{self.folder}"
  zonelistfile: "{self.path('zone.list')}"
  pidfile: ""
  server-count: 1
  rrl-ratelimit: 0
  verbosity: 1
remote-control:
  control-enable: no
{keys}{zones}""")
        return [peer("nsd"), "-d", "-c", self.path("nsd.conf")]


class Named(Server):
    def configure(self):
        keys = "".join(f'key "{name}.key" {{ algorithm hmac-{name}; secret "{secret}"; }};\n'
                       for name, secret in self.secrets.items())
        zones = ""
        for zone, allowed in self.zones.items():
            who = "any;" if allowed is ANYONE else " ".join(f'key "{key}";' for key in allowed) or "none;"
            zones += (f'zone "{zone}" {{ type primary; file "{self.zone_path(zone)}"; '
                      f"allow-transfer {{ {who} }}; }};\n")
        self.write("named.conf", f"""{keys}
options {{
    directory "{self.folder}";
    listen-on port {self.port} {{ 127.0.0.1; }};
    listen-on-v6 port {self.port} {{ ::1; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    dnssec-validation no;
    notify no;
    check-integrity no;
    check-names primary ignore;
    key-directory "{self.folder}";
}};
controls {{ }};
{zones}""")
        return [peer("named"), "-g", "-n", "1", "-c", self.path("named.conf")]


class Knot(Server):
    checks = "semantic-checks: off"

    def configure(self):
        keys = "".join(f"  - id: {name}.key\n    algorithm: hmac-{name}\n    secret: {secret}\n"
                       for name, secret in self.secrets.items())
        acl = zones = ""
        for number, (zone, allowed) in enumerate(self.zones.items()):
            zones += f'  - domain: "{zone}"\n    file: "{self.zone_path(zone)}"\n'
            if allowed is ANYONE or allowed:
                zones += f"    acl: [ acl{number} ]\n"
                acl += f"  - id: acl{number}\n    action: transfer\n    " + (
                    "address: [ 127.0.0.1, ::1 ]\n" if allowed is ANYONE else
                    f"key: [ {', '.join(allowed)} ]\n")
        os.makedirs(self.path("run"), exist_ok=True)
        self.write("knot.conf", f"""server:
    rundir: {self.path('run')}
    listen: [ 127.0.0.1@{self.port}, ::1@{self.port} ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {self.path('run')}
key:
{keys}
acl:
{acl}
template:
  - id: default
    storage: {self.folder}
    {self.checks}
    zonefile-sync: -1
    journal-content: none
zone:
{zones}""")
        return [peer("knotd"), "-c", self.path("knot.conf")]
