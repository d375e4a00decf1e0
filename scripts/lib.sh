# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the scripts share: words to the user, waiting with a limit, processes that are ended by their
# own pid, free ports, and where the name servers are. Sourced, never run. The script that sources it
# has set -euo pipefail.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin

if [[ -t 1 && ${TERM:-dumb} != dumb && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    # shellcheck disable=SC2034 # for the scripts that source this file
    bold='' dim='' red='' green='' plain=''
fi

# say TEXT...: one line under the script's name.
say() {
    printf '%s: %s\n' "${0##*/}" "$*"
}

# die TEXT...: the same on standard error, and the end with status 1.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# quoted WORD...: the words as a shell would take them back.
quoted() {
    local word out=''
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]]; then
            out+=" $word"
        elif [[ $word == *\'* ]]; then
            out+=" $(printf '%q' "$word")"
        else
            out+=" '$word'"
        fi
    done
    printf '%s' "${out# }"
}

# wait_for SECONDS COMMAND...: runs the command, silent, until it succeeds; 1 when it never did.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# alive PID: there is such a process, and it is no zombie.
alive() {
    local stat
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    stat=${stat##*) }
    [[ $stat != Z* && $stat != X* ]]
}

gone() {
    ! alive "$1"
}

# spawn PIDFILE LOG COMMAND...: starts a program that stays in the foreground, in a process group of
# its own, and leaves its pid in PIDFILE. When it returns the process is this shell no more.
spawn() {
    local pidfile=$1 log=$2 pid
    shift 2
    setsid "$@" >>"$log" 2>&1 </dev/null &
    pid=$!
    printf '%s\n' "$pid" >"$pidfile"
    while alive "$pid" && cmp -s "/proc/$pid/cmdline" "/proc/$$/cmdline"; do
        sleep 0.01
    done
}

# running PIDFILE WORD: the pid in PIDFILE lives and has WORD on its command line, so it is not a
# stranger that got the number later.
running() {
    local pid
    [[ -s $1 ]] || return 1
    pid=$(<"$1")
    alive "$pid" && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$2"
}

# finish PIDFILE WORD: ends what spawn started: SIGTERM, 10 seconds, then SIGKILL to its group.
finish() {
    local pid
    if running "$1" "$2"; then
        pid=$(<"$1")
        kill -TERM "$pid" 2>/dev/null || true
        if ! wait_for 10 gone "$pid"; then
            say "process $pid does not end by SIGTERM: killing its group" >&2
            kill -KILL -- "-$pid" 2>/dev/null || true
        fi
    fi
    rm -f "$1"
}

# free_port: a port on which nothing listens on 127.0.0.1, for TCP and UDP. Somebody else may take it
# before the caller does: bind, and ask for another one when that fails.
free_port() {
    local port try
    for try in {1..200}; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$port") " \
            /proc/net/tcp /proc/net/udp /proc/net/tcp6 /proc/net/udp6 2>/dev/null; then
            printf '%s\n' "$port"
            return
        fi
    done
    die "no free port on 127.0.0.1 after $try tries"
}

# peer NAME: the path of a program of NSD or unbound: the machine's own, else the one that
# scripts/setup unpacked.
peer() {
    local path
    if path=$(command -v "$1"); then
        printf '%s\n' "$path"
    elif [[ -x $root/build/peers/usr/sbin/$1 ]]; then
        printf '%s\n' "$root/build/peers/usr/sbin/$1"
    else
        die "$1 is neither installed nor in build/peers: run scripts/setup"
    fi
}
