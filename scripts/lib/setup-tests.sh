# Running and counting tests, and finding what they left behind. Sourced by test.sh.
# shellcheck shell=bash

PASSED=0
FAILED=0
SKIPPED=0
SUITE_IN=()

# All tests get a temporary folder and a mark in their environment, by which their left-overs are known from other
# people's. The path is short: Unix socket paths end at 107 bytes.
begin_tests() {
    TEST_TMP=$(mktemp -d /tmp/nkt.XXXXXX)
    chmod 711 "$TEST_TMP" # what a test lets others use can be reached
    TEST_MARK=NK_TEST_RUN=$$-$EPOCHSECONDS
    AT_EXIT=(end_tests "${AT_EXIT[@]}")
}

# Not while something is mounted below: rm would empty it.
end_tests() {
    grep -qF " $TEST_TMP" /proc/self/mountinfo || rm -rf --one-file-system "$TEST_TMP"
}

# It ends when the script does, also where it makes a process group of its own, as timeout does.
marked() { env "$TEST_MARK" TMPDIR="$TEST_TMP" setpriv --pdeathsig TERM "$@"; }

# test_step NAME LOG COMMAND…: one test.
test_step() {
    if run_step "$@"; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
}

# test_make NAME FOLDER: `make test`, whose programs may say "ok NAME" for each test; without that it counts as one.
test_make() {
    local log=test-${2//\//-} status=0
    run_step "$1" "$log" marked timeout --kill-after=5 300 make -j"$(nproc)" -C "$2" test || status=1
    count "$status" "$(grep -c '^ok ' "$NK_LOGS/$log.log") 0"
}

# stretched SECONDS: that long, and longer by NK_TIMEOUT_SCALE where that is more than 1.
stretched() {
    awk -v seconds="$1" -v scale="${NK_TIMEOUT_SCALE:-1}" 'BEGIN { print int(seconds * (scale > 1 ? scale : 1)) }'
}

# test_vitest PROJECT [ARG]…: every test counts. SUITE_TIMEOUT_S ends a suite that hangs; SUITE_IN is a command that runs it.
test_vitest() { start_vitest "$@" && await_vitest "$1"; }

# start_vitest begins it in the background; await_vitest PROJECT waits, prints and counts.
start_vitest() {
    local limit_s
    limit_s=$(stretched "${SUITE_TIMEOUT_S:-1200}")
    rm -f "$NK_LOGS/vitest-$1.json"
    start_step "test-$1" marked timeout --kill-after=5 "$limit_s" "${SUITE_IN[@]}" node_modules/.bin/vitest run --project "$1" \
        "${@:2}" --reporter=default --reporter=json --outputFile.json="$NK_LOGS/vitest-$1.json"
}
await_vitest() {
    local status=0
    NK_TAIL=80 PROGRESS_OF=files_done finish_step "vitest $1" "test-$1" || status=1
    count "$status" "$(node -e '
        const { numPassedTests, numFailedTests } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
        console.log(numPassedTests, numFailedTests);' "$NK_LOGS/vitest-$1.json" 2>/dev/null)"
}

# files_done LOG SECONDS: how far vitest has come.
files_done() {
    local ended
    ended=$(grep -aoE '(✓|❯|×|↓)[^ ]* .*\.test\.ts' "$1") || true
    printf '%s s, %s files done%s' "$2" "$(grep -c . <<<"$ended")" "${ended:+, the last: ${ended##* }}"
}

# count STATUS "PASSED FAILED [SKIPPED]"…: a suite that failed has at least one failure, also when it could not even start.
count() {
    local passed=0 failed=0 p f s
    while read -r p f s; do
        passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) SKIPPED=$((SKIPPED + ${s:-0}))
    done <<<"$2"
    [ "$1" = 0 ] || [ "$failed" != 0 ] || failed=1
    [ "$1" != 0 ] || [ $((passed + failed)) != 0 ] || passed=1
    printf '    %d of %d tests passed\n' "$passed" $((passed + failed))
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
}

# The style's details change between versions: the one of Debian 12 decides.
check_c_format() {
    command -v clang-format-14 >/dev/null || { echo "clang-format-14 is missing"; return 1; }
    find native guest bench test -name '*.[ch]' -print0 | xargs -0 -r clang-format-14 --dry-run --Werror
}

check_shell() {
    shellcheck -x -a -P SCRIPTDIR -P . scripts/*.sh scripts/lib/{lab-server,lab-suite,distro-enter}.sh guest/lab/init guest/lab/start examples/*.sh bin/nk-runtime .ci/run test/fakes/jailer test/fakes/systemd/{booted,systemd-run,systemctl} test/real/programs/*.sh
}

# Processes and mounts of the tests, and containers in the default state folder. A process that is just ending gets 5 s.
nothing_left() {
    local pid found="" left
    for pid in $(marked_pids); do
        timeout 5 tail --pid="$pid" -f /dev/null || true
    done
    for pid in $(marked_pids); do
        found+="process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-200)"$'\n'
    done
    found+=$(grep -F -e " $TEST_TMP" /proc/self/mountinfo | sed 's/^/mount: /') || true
    # Their bundles are in the tests' folder: other people's containers are not.
    left=$(grep -lsF -e "$TEST_TMP/" /run/nano-sandbox/*/state.json) || true
    [ -z "$left" ] || found+=$'\n'"state: $left"
    printf '%s\n' "$found"
    [ -z "$found" ]
}

# By the mark in the environment, or by the folder on the command line where a program cleaned its environment.
marked_pids() {
    local folder
    for folder in /proc/[0-9]*; do
        if grep -qazF -e "$TEST_MARK" "$folder/environ" 2>/dev/null ||
            tr '\0' ' ' 2>/dev/null <"$folder/cmdline" | grep -qF -e "$TEST_TMP/"; then
            printf '%s\n' "${folder#/proc/}"
        fi
    done
}
