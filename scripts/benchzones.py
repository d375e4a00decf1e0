# SPDX-License-Identifier: BSD-2-Clause
"""scripts/bench zones: how long keyd-dnssec signs, beside other people's signers and beside the bare
signatures on all cores. Every signer gets the same zone and keys of the same kind; all of them take
turns within a round. Ours includes its default verification, and has a software key for the KSK, whose
two signatures would be the HSM's time."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NUMBERS = {"P-256": (13, "ecdsap256sha256", "ECDSAP256SHA256"),
           "Ed25519": (15, "ed25519", "ED25519"),
           "RSA-2048": (8, "rsasha256", "RSASHA256")}
HEAD = ("$TTL 3600\n@ SOA ns1.example.net. hostmaster.example.net. 1 7200 3600 1209600 300\n"
        "@ NS ns1.example.net.\n@ NS ns2.example.net.\n")


class Row:
    """change: keyd-dnssec signs again after a change, and keeps what is still good; else it makes
    every signature."""

    def __init__(self, name, what, zone, denial, peers, write, change=False):
        self.name, self.what, self.zone = name, what, zone
        self.denial, self.peers, self.write, self.change = denial, peers, write, change


def write_addresses(count):
    def write(file):
        file.write(HEAD)
        file.writelines(f"h{i} A 192.0.{i >> 8 & 255}.{i & 255}\n" for i in range(count))
    return write


def write_delegations(count):
    """Two name servers each, a DS for every second one, glue for every second one."""
    def write(file):
        file.write(HEAD)
        for i in range(count):
            file.write(f"d{i} NS ns1.d{i}\n NS ns.example.net.\n")
            if i % 2 == 0:
                file.write(f"d{i} DS {i & 65535} 13 2 {i:064X}\n")
            else:
                file.write(f"ns1.d{i} A 192.0.{i >> 8 & 255}.{i & 255}\n")
    return write


def write_root(file):
    with open(os.path.join(SOURCE, "tests", "data", "root.zone"), encoding="ascii") as root:
        file.write(root.read())


def rows_of(records):
    small, large = f"{records:,}", f"{records * 10:,}"
    return [
        Row("addresses", f"{small} A, NSEC", "bench.example", "nsec", ["knot", "ldns", "bind"],
            write_addresses(records)),
        Row("delegations", f"{small} delegations, NSEC", "bench.example", "nsec", ["knot"],
            write_delegations(records)),
        Row("nsec3", f"{small} A, NSEC3", "bench.example", "nsec3", ["knot"],
            write_addresses(records)),
        Row("root", "root zone, NSEC", ".", "nsec", ["knot", "ldns", "bind"], write_root),
        Row("change", f"one change in {small} A, NSEC", "bench.example", "nsec", ["fresh"],
            write_addresses(records), change=True),
        Row("large", f"{large} A, NSEC", "bench.example", "nsec", [], write_addresses(records * 10)),
    ]


class Signers:
    """All signers of one zone, in a folder of their own."""

    def __init__(self, build, folder, row, algorithm, cores):
        self.build, self.folder, self.row, self.cores = build, folder, row, cores
        self.number, self.knot_name, self.bind_name = NUMBERS[algorithm]
        self.file = self.path("zone")
        with open(self.file, "w", encoding="ascii") as file:
            row.write(file)
        os.mkdir(self.path("hsm"))
        self.environment = dict(os.environ, KEYD_SOFT_HSM=self.path("hsm"),
                                KEYD_DNSSEC_STATE=self.path("state"))
        self.signatures = 0
        self.changes = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def quietly(self, *command, **how):
        with open(self.path("log"), "w", encoding="utf-8") as log:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  check=False, **how)
        if done.returncode != 0:
            with open(self.path("log"), encoding="utf-8", errors="replace") as log:
                raise SystemExit(f"bench: {' '.join(command)}:\n{log.read()[-2000:]}")

    def timed(self, *command, **how):
        self.quietly(os.path.join(self.build, "tests", "peak"), self.path("peak"), *command, **how)
        with open(self.path("peak"), encoding="ascii") as file:
            seconds, kib = file.read().split()
        return {"seconds": float(seconds), "mib": int(kib) / 1024}

    def ours(self, command, *options):
        return [os.path.join(self.build, "tests", "dnssec_soft"), command, self.row.zone,
                "--output", "json", *options]

    def prepare(self):
        self.quietly(*self.ours("enable", "--zone-file", self.file, "--signed-zone",
                                self.path("keyd.signed"), "--algorithm", str(self.number),
                                "--denial", self.row.denial), env=self.environment)
        with open(self.path("log"), encoding="utf-8") as file:
            self.signatures = json.load(file)["verified"]["signatures"]
        if "knot" in self.row.peers:
            self.prepare_knot()
        if {"ldns", "bind"} & set(self.row.peers):
            self.keys = [subprocess.run(
                ["dnssec-keygen", "-q", "-a", self.bind_name, "-b", "2048", *flags, self.row.zone],
                cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
                for flags in (["-f", "KSK"], [])]
            shutil.copy(self.file, self.path("with-keys"))
            with open(self.path("with-keys"), "a", encoding="ascii") as out:
                for key in self.keys:
                    with open(self.path(key + ".key"), encoding="ascii") as file:
                        out.write(file.read())

    def prepare_knot(self):
        os.mkdir(self.path("knot"))
        with open(self.path("knot.conf"), "w", encoding="ascii") as file:
            file.write(f"database:\n  storage: \"{self.path('knot')}\"\n"
                       f"policy:\n  - id: p\n    algorithm: {self.knot_name}\n"
                       f"    nsec3: {'on' if self.row.denial == 'nsec3' else 'off'}\n"
                       "    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"
                       f"    signing-threads: {self.cores}\n"
                       f"zone:\n  - domain: \"{self.row.zone}\"\n    storage: \"{self.folder}\"\n"
                       f"    file: \"{self.file}\"\n    dnssec-signing: on\n    dnssec-policy: p\n")
        self.knot()  # makes the keys

    def keyd(self):
        if not self.row.change:
            return self.fresh()
        self.changes += 1
        with open(self.file, "r+b") as file:
            middle = os.path.getsize(self.file) // 2
            file.seek(middle)
            at = middle + file.read(4096).index(b" A 192.") + len(b" A ")
            file.seek(at)
            file.write(b"%d" % (100 + self.changes % 90))
        return self.timed(*self.ours("sign"), env=self.environment)

    def fresh(self):
        return self.timed(*self.ours("sign", "--fresh"), env=self.environment)

    def bare(self):
        done = subprocess.run([os.path.join(self.build, "tests", "bare"), str(self.number),
                               str(self.signatures), str(self.cores)], check=True,
                              stdout=subprocess.PIPE, text=True)
        return {"seconds": float(done.stdout), "mib": 0.0}

    def knot(self):
        return self.timed("kzonesign", "-c", self.path("knot.conf"), "-o", self.path("knot"),
                          self.row.zone)

    def ldns(self):
        return self.timed("ldns-signzone", "-f", self.path("ldns.signed"), "-o", self.row.zone,
                          self.file, *(self.path(key) for key in self.keys))

    def bind(self):
        return self.timed("dnssec-signzone", "-q", "-P", "-n", str(self.cores), "-o", self.row.zone,
                          "-f", self.path("bind.signed"), self.path("with-keys"), *self.keys,
                          cwd=self.folder)


def spread(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def ratios(rounds, other, field):
    values = [one["keyd"][field] / one[other][field] for one in rounds]
    return spread(values)


def measure(build, row, options, cores, progress):
    names = ["keyd"] + ([] if row.change else ["bare"]) + [
        peer for peer in row.peers if options.peers == "all" or peer == "fresh" or
        (peer == "knot" and options.peers == "knot")]
    with tempfile.TemporaryDirectory(prefix="keyd-bench.") as folder:
        os.chmod(folder, 0o755)
        signers = Signers(build, folder, row, options.algorithm, cores)
        signers.prepare()
        rounds = []
        for number in range(options.rounds):
            # Each round begins with another one: none is always the one that comes first.
            order = names[number % len(names):] + names[:number % len(names)]
            rounds.append({name: getattr(signers, name)() for name in order})
            progress()
    result = {"row": row.name, "what": row.what, "algorithm": options.algorithm,
              "signatures": signers.signatures, "rounds": len(rounds), "signers": {}, "ratios": {}}
    for name in names:
        result["signers"][name] = {field: spread([one[name][field] for one in rounds])
                                   for field in ("seconds", "mib")}
        if name == "keyd":
            continue
        result["ratios"][name] = {"seconds": ratios(rounds, name, "seconds")}
        if name != "bare":
            result["ratios"][name]["mib"] = ratios(rounds, name, "mib")
    return result


NAMES = {"keyd": "keyd-dnssec", "bare": "bare signatures", "knot": "kzonesign",
         "ldns": "ldns-signzone", "bind": "dnssec-signzone", "fresh": "every signature"}


def shown(value, digits=2):
    return "%.*f (%.*f to %.*f)" % (digits, value["median"], digits, value["low"], digits,
                                    value["high"])


def print_table(results):
    for result in results:
        print("%s, %s: %d signatures; medians of %d (low to high)" % (
            result["what"], result["algorithm"], result["signatures"], result["rounds"]))
        print("  %-16s  %-22s  %-22s  %-20s  %s" % ("", "seconds", "MiB", "keyd's seconds of it",
                                                    "keyd's MiB of it"))
        for name, signer in result["signers"].items():
            ratio = result["ratios"].get(name, {})
            print("  %-16s  %-22s  %-22s  %-20s  %s" % (
                NAMES[name], shown(signer["seconds"]),
                shown(signer["mib"], 0) if name != "bare" else "",
                shown(ratio["seconds"]) if "seconds" in ratio else "",
                shown(ratio["mib"]) if "mib" in ratio else ""))
        print()


def run(build, options, progress):
    cores = len(os.sched_getaffinity(0))
    rows = [row for row in rows_of(options.records) if not options.rows or row.name in options.rows]
    done = 0

    def step():
        nonlocal done
        done += 1
        progress(done, len(rows) * options.rounds)

    progress(0, len(rows) * options.rounds)
    results = [measure(build, row, options, cores, step) for row in rows]
    if options.output == "json":
        print(json.dumps({"bench": "zones", "cores": cores, "rows": results}, indent=2))
    else:
        print_table(results)
    return results
