# Progress for people: one line a step with its time, the step's own output in build/logs, the end of it on failure.
# shellcheck shell=bash

NK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NK_LOGS=$NK_ROOT/build/logs
mkdir -p "$NK_LOGS"
. scripts/lib/progress.sh

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
    BOLD='' RED='' GREEN='' DIM='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
title() { printf '%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
die() { printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2; exit 1; }

# elapsed START: seconds since START (an $EPOCHREALTIME), as "12.3 s".
elapsed() {
    local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
    printf '%d.%d s' $((us / 1000000)) $((us / 100000 % 10))
}

# run_step NAME LOG COMMAND…: runs the command with its output in build/logs/LOG.log; returns its status. The line of a
# step that fails ends with "FAILED" and is followed by the end of its log. A function given as the command must not rely
# on `set -e`: bash ignores it where a status is looked at.
run_step() {
    local name=$1 log=$2
    shift 2
    begin_step "$name" "$log"
    timed "$log" "$@" || true
    end_step "$name" "$log"
}

# step NAME LOG COMMAND…: run_step, and the end of the script when it fails.
step() { run_step "$@" || exit 1; }

# start_step LOG COMMAND…: begins a step in the background; `finish_step NAME LOG` prints its line when it has ended, and returns
# its status; `await_step NAME LOG` ends the script when it failed.
declare -A STEP_PIDS=()
start_step() {
    rm -f "$NK_LOGS/$1.outcome"
    set -m # a process group of its own, which end_steps ends
    timed "$@" &
    set +m
    STEP_PIDS[$1]=$!
}
finish_step() {
    begin_step "$1" "$2"
    wait "${STEP_PIDS[$2]}" || true
    unset "STEP_PIDS[$2]"
    end_step "$1" "$2"
}
await_step() { finish_step "$@" || exit 1; }

# For a script that ends early: steps in the background end with it.
end_steps() {
    local pid
    for pid in "${STEP_PIDS[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
}

# At a terminal the line of a step is there while it runs, with what PROGRESS_OF LOG SECONDS prints.
begin_step() {
    local text
    printf -v text '  %-44s ' "$1"
    [ ! -t 1 ] || printf '%s' "$text"
    export -n PROGRESS_OF # ours, and not of the scripts that the command may be
    begin_progress 1 "$text" "${PROGRESS_OF:-step_seconds}" "$NK_LOGS/$2.log"
}
step_seconds() { seconds_only "$2"; }

end_step() {
    end_progress
    [ ! -t 1 ] || printf '\r\e[K'
    printf '  %-44s ' "$1"
    print_outcome "$2"
}

# The exit status and the time of a command, in build/logs/LOG.outcome: a background job has no other way to tell.
timed() {
    local log=$1 started=$EPOCHREALTIME status=0
    shift
    (trap - EXIT; "$@") >"$NK_LOGS/$log.log" 2>&1 </dev/null || status=$?
    printf '%s %s\n' "$status" "$(elapsed "$started")" >"$NK_LOGS/$log.outcome"
}

print_outcome() {
    local log=$NK_LOGS/$1.log status took
    read -r status took <"$NK_LOGS/$1.outcome"
    rm -f "$NK_LOGS/$1.outcome"
    if [ "$status" = 0 ]; then
        printf '%sok%s %s%8s%s\n' "$GREEN" "$PLAIN" "$DIM" "$took" "$PLAIN"
        return 0
    fi
    printf '%sFAILED%s after %s (exit status %s)\n' "$RED" "$PLAIN" "$took" "$status"
    show_failure "$log" "${NK_TAIL:-25}" | sed 's/^/    | /'
    say "    the whole log: $log"
    return "$status"
}
