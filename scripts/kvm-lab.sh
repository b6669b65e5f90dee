#!/usr/bin/env bash
# Runs COMMAND, or a shell, in the KVM lab: a virtual machine in which /dev/kvm works, for hosts where it does not.
#   sudo scripts/kvm-lab.sh [--icount] [--systemd | --systemd-v1] [COMMAND [ARG]…]
# With --icount its clock counts instructions, 2 ns each: what is measured in it hardly depends on the host's load.
# With --systemd its PID 1 is systemd; with --systemd-v1 on version 1 of cgroups, with a version 2 beside it (hybrid).
# The lab has the host's files. What it writes ends with it, but for build/logs. The exit status is the command's; its standard
# input is empty. docs/kvm-lab.md tells what is real in the lab and what is not.
set -euo pipefail
caller_dir=$PWD
cd "$(dirname "$0")/.."
. scripts/lib/image-common.sh
. scripts/lib/image-distro.sh
. scripts/lib/lab.sh

LAB_SYSTEMD="" LAB_ICOUNT=""
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) sed -n '2,7s/^# \?//p' "$0"; exit 0 ;;
        --icount) LAB_ICOUNT=yes ;;
        --systemd) LAB_SYSTEMD=v2 ;;
        --systemd-v1) LAB_SYSTEMD=v1 ;;
        *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || tty -s || die "a shell needs a terminal: give a command (see --help)"
[ "$(id -u)" = 0 ] || die "this needs root: sudo $0"
need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
need modprobe kmod
need jq jq
[ -z "$LAB_SYSTEMD" ] || need /lib/systemd/systemd systemd
[ -z "$LAB_SYSTEMD$LAB_ICOUNT" ] && kvm_works && say "KVM of this host works, so the lab is not needed: the same command runs without it, and faster"

open_lab
write_job "$caller_dir" "$@"
for ((attempt = 1; attempt <= 3; attempt += 1)); do
    start_server
    start_machine
    if await_boot; then await_command; fi
    say "the lab did not come up within $BOOT_S s"
    stop_machine
done
die "the lab does not come up on this machine: it may be far too busy"
