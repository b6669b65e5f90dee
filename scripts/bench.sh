#!/usr/bin/env bash
# Measures; results are printed and written to build/bench/.
#   sudo ./scripts/bench.sh vm [-n RUNS]    cold `run true` beside bare QEMU booting the same kernel to a power-off
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh
. scripts/lib/packages.sh
. scripts/lib/setup.sh

case ${1:-} in
    vm) ;;
    *) sed -n '2,3s/^# \?//p' "$0"; exit 1 ;;
esac
title "set up"
setup_all ""
mkdir -p build/bench
step "bench program" build-bench node_modules/.bin/esbuild "bench/$1.ts" --bundle --platform=node --target=node20 \
    --format=cjs --log-level=warning --outfile=build/bench.cjs
step "bare init" build-bare-init gcc -std=gnu11 -Wall -Wextra -Werror -O2 -static -s bench/poweroff.c -o build/bench/poweroff
unset NODE_EXTRA_CA_CERTS NODE_OPTIONS
node build/bench.cjs "${@:2}"
