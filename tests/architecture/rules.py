# SPDX-License-Identifier: BSD-2-Clause
"""The house's rules (docs/architecture.md), asked of the sources and of the linker. Each function
takes a tree or a program and gives the list of what it found wrong."""

import os
import re
import subprocess

LINES_MAX = 700  # of a source file: more is two nouns in one
SOURCE_FOLDERS = ("keyd", "client", "tests", "scripts", "softhsm-conf")

# Room: what it may include. A file belongs to the longest room that its path begins with. Of another
# room only the door may be seen; a room without a door here may be seen by nobody.
V1, HSM_V1 = "proto keyd/v1", "proto keyd/hsm/v1"
ROOMS = {
    "keyd/base": {V1},
    "keyd/wall": {"keyd/base", V1, HSM_V1},
    "keyd/hsm": {"keyd/base", "keyd/wall", V1, HSM_V1},
    "keyd/front/service": {"keyd/base", "keyd/wall", V1, HSM_V1},
    "keyd/front/rpc": {"keyd/base", "keyd/front/service", V1},
    "keyd/front": {"keyd/base", "keyd/front/service", "keyd/front/rpc"},
    "keyd/run": {"keyd/base"},
    "client/lib": {"keyd/base", V1},
    "client/show": {"keyd/base"},
    "client/ctl": {"keyd/base", "client/lib", "client/show"},
    "client/dns": {"keyd/base"},
    "client/dnssec": {"keyd/base", "client/lib", "client/show", "client/dns"},
}
DOORS = {
    "keyd/wall": {"packet.h"},
    "keyd/front/service": {"service.h", "call.h"},
    "keyd/front/rpc": {"server.h"},
    "client/lib": {"keyd.h"},
    "client/show": {"show.h", "meter.h"},
}

# Headers of libraries that only some files may see: include, files, why.
PRIVATE_HEADERS = [
    (r"grpc(pp)?/", r"keyd/front/rpc/|client/lib/(?!keyd\.h)", "gRPC"),
    (r"(p11-kit/)?pkcs11[a-z]*\.h|p11-kit/", r"keyd/hsm/|tests/(shim|bench|mock)/", "PKCS#11"),
    (r"libp11\.h", r"keyd/hsm/module\.c$", "libp11"),
    (r"sqlite3\.h", r"keyd/front/service/|tests/front/", "SQLite"),
    (r"ldns/", r"tests/(dnssec|dns|bench)/", "ldns"),
    (r"libzscanner/", r"tests/(dns|bench)/", "libzscanner"),
]
FORBIDDEN_CALLS = r"\b(strcpy|strcat|sprintf|vsprintf|strtok|alloca|gets|tmpnam|mktemp)\s*\("


def sources(tree):
    """(path in the tree, text) of every source file of ours."""
    for top in SOURCE_FOLDERS:
        for folder, _, names in os.walk(os.path.join(tree, top)):
            for name in sorted(names):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    data = file.read()
                if name.endswith((".c", ".h", ".sh", ".py")) or data.startswith(b"#!"):
                    yield os.path.relpath(path, tree), data.decode("utf-8", "replace")


def room_of(path):
    rooms = [room for room in ROOMS if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def includes(text):
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M)


def include_target(name):
    """The room or generated header that an include names; None for a library's."""
    if name.endswith(".pb-c.h"):
        return HSM_V1 if name.startswith("keyd/hsm/v1/") else V1
    return room_of(name)


def wrong_arrows(tree):
    """Includes that cross rooms where no arrow runs, or past a door."""
    wrong = []
    for path, text in sources(tree):
        room = room_of(path)
        if room is None:
            continue
        for _, name in includes(text):
            target = include_target(name)
            if target is None and name.startswith(("keyd/", "client/", "tests/")):
                wrong.append(f"{path}: {name} is in no room that it may see")
            elif target not in (None, room):
                door = DOORS.get(target)
                if target not in ROOMS[room]:
                    wrong.append(f"{path}: {room} may not know {target} ({name})")
                elif door and os.path.basename(name) not in door:
                    wrong.append(f"{path}: {name} is not {target}'s door")
    return wrong


def wrong_headers(tree):
    """Libraries' headers outside of where they belong; libp11 in more than one file."""
    wrong = []
    for path, text in sources(tree):
        for _, name in includes(text):
            for header, places, library in PRIVATE_HEADERS:
                if re.match(header, name) and not re.match(places, path):
                    wrong.append(f"{path}: {library} ({name}) does not belong here")
    return wrong


def wrong_files(tree):
    """Too long, without a licence tag, or calling what nobody should."""
    wrong = []
    for path, text in sources(tree):
        lines = text.splitlines()
        if len(lines) > LINES_MAX:
            wrong.append(f"{path}: {len(lines)} lines, more than {LINES_MAX}")
        is_c = path.endswith((".c", ".h"))
        tag = "SPDX-License-Identifier: BSD-2-Clause"
        if not (lines and lines[0].startswith(f"/* {tag}") if is_c else f"# {tag}" in lines[:2]):
            wrong.append(f"{path}: no licence tag at its top")
        if is_c:
            for call in re.finditer(FORBIDDEN_CALLS, text):
                line = text.count("\n", 0, call.start()) + 1
                wrong.append(f"{path}:{line}: {call.group(1)}")
    return wrong


def tool(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=True,
                         env={**os.environ, "LC_ALL": "C"})
    return run.stdout


def programs(tree):
    """The programs that the tree has sources for."""
    mains = {"keyd": "keyd/front", "keyd-hsm": "keyd/hsm", "keyd-run": "keyd/run",
             "keydctl": "client/ctl", "keyd-dnssec": "client/dnssec"}
    return [name for name, folder in mains.items()
            if os.path.exists(os.path.join(tree, folder, "main.c"))]


UNWANTED_LIBRARIES = {
    "keyd": r"libp11|pkcs11|softhsm|p11-kit",
    "keyd-hsm": r"grpc|libcares|sqlite|libldns",
    "keyd-run": r"grpc|libp11|pkcs11|softhsm|p11-kit|sqlite|libldns",
    "keydctl": r"libp11|pkcs11|softhsm|p11-kit|sqlite|libldns",
    "keyd-dnssec": r"libp11|pkcs11|softhsm|p11-kit|sqlite",
}


def wrong_libraries(program, path):
    """Libraries that the program must not load, itself or through another one; for all but keyd-hsm
    also the means to load a module at run time."""
    wrong = [f"{program} loads {line.split()[0]}" for line in tool("ldd", path).splitlines()
             if re.search(UNWANTED_LIBRARIES[program], line.split()[0])]
    if program != "keyd-hsm" and re.search(r"\bdlm?open\b", tool("nm", "-D", "-u", path)):
        wrong.append(f"{program} calls dlopen")
    return wrong


def wrong_hardening(path, sanitized):
    """What the build flags promise and the ELF file does not have."""
    name = os.path.basename(path)
    header, segments = tool("readelf", "-hW", path), tool("readelf", "-lW", path)
    dynamic, symbols = tool("readelf", "-dW", path), tool("nm", "-D", "-u", path)
    stack = [line for line in segments.splitlines() if "GNU_STACK" in line]
    promises = [
        ("no PIE", re.search(r"Type:\s+DYN", header)),
        ("no RELRO", "GNU_RELRO" in segments),
        ("no BIND_NOW", re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic)),
        ("an executable stack", stack and not re.search(r"\bR?WE\b", stack[0])),
        ("text relocations", "TEXTREL" not in dynamic),
        ("no stack protector", "__stack_chk_fail" in symbols),
        ("a library path that is not its own", not re.search(
            r"R(UN)?PATH.*\[(?!\$ORIGIN/[^:\]]+(:\$ORIGIN/[^:\]]+)*\])", dynamic)),
        ("no fortified calls", sanitized or re.search(r"__\w+_chk\b(?<!stack_chk)", symbols)),
    ]
    return [f"{name}: {what}" for what, kept in promises if not kept]
