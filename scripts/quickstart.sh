#!/usr/bin/env bash
# From a fresh clone to a container's own output from inside a virtual machine. Safe to run again.
#   sudo ./scripts/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh
. scripts/lib/packages.sh
. scripts/lib/setup.sh

case ${1:-} in
    "") ;;
    -h | --help) sed -n '2,3s/^# \?//p' "$0"; exit 0 ;;
    *) die "unknown option $1 (see --help)" ;;
esac

started=$EPOCHREALTIME
title "nano-sandbox: packages, build, guest image, first container"
setup_all ""
step "example bundle" example example_bundle

id=hello-$$
command="bin/nk-runtime run --mode=vm --bundle=build/example-bundle $id"
printf '\n%s$ sudo %s%s\n' "$BOLD" "$command" "$PLAIN"
output=$NK_LOGS/first-container.log
first=$EPOCHREALTIME status=0
$command 2>&1 | tee "$output" || status=$?
[ "$status" = 0 ] || die "the container ended with status $status; the state is in /run/nano-sandbox/$id, clean up with: sudo bin/nk-runtime delete --force $id"
took=$(elapsed "$first")

guest=$(sed -n 's/^ *kernel *//p' "$output" | head -n 1)
boot_id=$(sed -n 's/^ *boot id *//p' "$output" | head -n 1)
[ -n "$guest" ] || die "the container printed no kernel release: $output"
[ "$boot_id" != "$(cat /proc/sys/kernel/random/boot_id)" ] || die "the container ran on the host's kernel, not in a VM"
printf '\n'
say "  host kernel   $(uname -r)"
say "  guest kernel  $guest  (another boot id: a machine of its own; it took $took, boot included)"
say ""
say "Ready in $(elapsed "$started"). Next: README.md, or the same with every step explained:"
say "  sudo bin/nk-runtime run --educational --mode=vm --bundle=build/example-bundle hello"
