#!/usr/bin/env bash
# Measures; results are printed and written to build/bench/.
#   sudo ./scripts/bench.sh vm [-n RUNS] [--only NAME,...]
# Starts, commands, streams, shared files and memory of VM mode, each beside what it is compared with (docs/performance.md).
# NAME: start, pool, cli, streams, share, memory. Some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh
. scripts/lib/packages.sh
. scripts/lib/setup.sh

case ${1:-} in
    vm) ;;
    *) sed -n '2,5s/^# \?//p' "$0"; exit 1 ;;
esac
title "set up"
setup_all ""
mkdir -p build/bench
step "bench program" build-bench node_modules/.bin/esbuild "bench/$1.ts" --bundle --platform=node --target=node20 \
    --format=cjs --log-level=warning --outfile=build/bench.cjs
compile() { gcc -std=gnu11 -Wall -Wextra -Werror -O2 -static -s "bench/$1.c" -o "build/bench/$1"; }
step "bare init" build-bare-init compile bare-init
step "load for shares" build-share-load compile share-load
unset NODE_EXTRA_CA_CERTS NODE_OPTIONS
node build/bench.cjs "${@:2}"
