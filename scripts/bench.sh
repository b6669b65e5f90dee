#!/usr/bin/env bash
# Measures; results are printed and written to build/bench/.
#   sudo ./scripts/bench.sh vm [-n RUNS] [--only NAME,...]
# Starts, commands, streams, shared files and memory of VM mode, each beside what it is compared with (docs/performance.md).
# NAME: start, pool, cli, streams, share, memory, net. Some minutes.
#   sudo ./scripts/bench.sh net [-n RUNS]
# The last of them alone: TCP, round trips, requests and connections between the host and a container, by each kind of network.
#   sudo ./scripts/bench.sh vm --lab [-n RUNS] [--only NAME,...]
# Starts and commands with KVM, in the KVM lab by a clock that counts instructions (docs/kvm-lab.md): whatever else the host does,
# they repeat to some per cent. On QEMU, and on Firecracker where it is on the PATH or NK_FIRECRACKER names it. NAME: start, pool, cli; the others
# are about bytes and memory, of which such a clock knows nothing. A quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh
. scripts/lib/packages.sh
. scripts/lib/setup.sh

LAB_LIMIT_S=3600 # five rounds take some ten minutes; a lab that hangs would do so for ever

# A lab for each VMM. It can write to build/logs alone.
measure_in_lab() {
    local vmms=qemu firecracker vmm output results=()
    firecracker=${NK_FIRECRACKER:-$(command -v firecracker)} || true
    [ -z "$firecracker" ] || vmms+=" firecracker"
    for vmm in $vmms; do
        title "$vmm, with KVM, in the lab"
        output=build/logs/bench-$vmm.json
        timeout --foreground "$LAB_LIMIT_S" scripts/kvm-lab.sh --icount \
            node build/bench.cjs --lab --vmm="$vmm" --accel=kvm --output="$output" "$@" || die_of "$?"
        results+=(--slurpfile "$vmm" "$output")
    done
    [ -n "$firecracker" ] || say "Firecracker: not measured, no binary: set NK_FIRECRACKER"
    jq -n "${results[@]}" '$ARGS.named | map_values(.[0])' >build/bench/vm-lab.json
    say "all of it: build/bench/vm-lab.json"
}

# 124 is the status of timeout.
die_of() {
    [ "$1" != 124 ] || die "the lab did not end within $LAB_LIMIT_S s: a guest in it hangs (docs/kvm-lab.md), or -n is too large"
    exit "$1"
}

packages=$NET_PACKAGES measure="node build/bench.cjs"
case ${1:-} in
    vm) ;;
    net) measure+=" --only=net --output=build/bench/net.json" ;;
    *) sed -n '2,11s/^# \?//p' "$0"; exit 1 ;;
esac
kind=$1
shift
if [ "$kind" = vm ] && [ "${1:-}" = --lab ]; then
    packages="jq:jq" measure=measure_in_lab
    shift
fi
title "set up"
setup_all "$packages"
mkdir -p build/bench
step "bench program" build-bench node_modules/.bin/esbuild bench/vm.ts --bundle --platform=node --target=node20 \
    --format=cjs --log-level=warning --outfile=build/bench.cjs
# compile NAME FILE…: to build/bench/NAME.
compile() { gcc -std=gnu11 -Wall -Wextra -Werror -O2 -static -s "${@:2}" -o "build/bench/$1"; }
step "bare init" build-bare-init compile bare-init bench/bare-init.c
step "load for shares" build-share-load compile share-load bench/share-load.c
step "servers of network loads" build-net-server compile net-server bench/net/server.c
step "network loads" build-net-client compile net-client bench/net/{client,many}.c
unset NODE_EXTRA_CA_CERTS NODE_OPTIONS
$measure "$@"
