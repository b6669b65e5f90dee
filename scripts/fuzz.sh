#!/usr/bin/env bash
# Fuzzes what reads bytes of others, under sanitizers: fuzz.sh [SECONDS [TARGET…]]. SECONDS are for each target (default 10).
#   frame, message, network, text  the agent's parsers (guest/agent/fuzz)
#   plan, pump, upgrade            the shadow's (native/fuzz)
#   connection                     the host's end of the agent's connection (test/fuzz)
# Findings are kept in build/fuzz, what was learned in build/fuzz/corpus. FUZZ_SEED repeats a run from the same corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh

case ${1:-} in -h | --help) sed -n '2,6s/^# \?//p' "$0"; exit 0 ;; esac
seconds=${1:-10}
shift || true
[[ $seconds =~ ^[0-9]+$ ]] || die "expected a number of seconds, found $seconds (see --help)"
targets=("$@")
[ $# -gt 0 ] || targets=(frame message network text plan pump upgrade connection)
seed=${FUZZ_SEED:-$((RANDOM * 32768 + RANDOM))}

# Without this, a report of a pump that has closed its standard error would be lost.
flags_of() {
    case $1 in
        message | network) echo "-dict=guest/agent/fuzz/$1.dict" ;;
        pump) echo "-close_fd_mask=3" ;;
    esac
}

fuzz_c() {
    local log=build/fuzz/$1.log status=0
    # shellcheck disable=SC2046 # words
    "build/fuzz/$1-fuzz" $(flags_of "$1") -max_total_time="$seconds" -max_len=8192 -seed="$seed" -timeout=20 \
        -rss_limit_mb=1024 -print_final_stats=1 -print_funcs=0 -artifact_prefix="build/fuzz/$1-" "build/fuzz/corpus/$1" \
        >"$log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then tail -n 1 <(grep '^Done' "$log"); else tail -n 60 "$log"; fi
    return "$status"
}

fuzz_connection() {
    node_modules/.bin/esbuild test/fuzz/connection-fuzz.ts --bundle --platform=node --format=esm --log-level=warning \
        --outfile=build/fuzz/connection-fuzz.mjs
    node --expose-gc build/fuzz/connection-fuzz.mjs "$seconds" "$seed" build/fuzz/corpus/connection
}

mkdir -p build/fuzz
node scripts/fuzz-seeds.mjs build/fuzz/corpus
make -s -j"$(nproc)" -C guest/agent fuzzers
make -s -j"$(nproc)" -C native fuzzers
say "seed $seed"
for target in "${targets[@]}"; do
    say "$target:"
    case $target in
        frame | message | network | text | plan | pump | upgrade) fuzz_c "$target" ;;
        connection) fuzz_connection ;;
        *) die "there is no target $target (see --help)" ;;
    esac || die "$target: a finding, see above and build/fuzz"
done
