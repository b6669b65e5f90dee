# Signs of life of what takes long, and the lines of a log that tell why it failed. Sourced by ui.sh and image-common.sh.
# shellcheck shell=bash

# Elsewhere than at a terminal; there the line moves each second.
PROGRESS_EVERY_S=${PROGRESS_EVERY_S:-60}

# begin_progress FD TEXT COMMAND…: shows on FD what COMMAND SECONDS prints, until end_progress. At a terminal it stands behind TEXT,
# in one line; elsewhere it is a line of its own now and then.
begin_progress() {
    (
        trap - EXIT
        show_progress "${@:2}"
    ) >&"$1" &
    PROGRESS_PID=$!
}

# KILL: with another signal it could still run the script's own EXIT trap, which it has from the fork.
end_progress() {
    { kill -KILL "$PROGRESS_PID"; wait "$PROGRESS_PID"; } 2>/dev/null || true
}

# Ends with the script, also when that is killed outright.
show_progress() {
    local text=$1 started=$SECONDS now
    shift
    while [ -d "/proc/$$" ]; do
        # It may outlive this by a second: it holds no pipe of the script's.
        sleep 1 >/dev/null 2>&1
        now=$((SECONDS - started))
        if [ -t 1 ]; then
            printf '\r%s%s\e[K' "$text" "$("$@" "$now")"
        elif [ "$now" -gt 0 ] && [ $((now % PROGRESS_EVERY_S)) = 0 ]; then
            printf '%s%s\n' "$text" "$("$@" "$now")"
        fi
    done
}

seconds_only() { printf '%d s' "$1"; }

# What compilers, configure, make, apt and npm begin the line of a failure with.
ERROR_LINES='(^|: )(fatal )?error: |^configure: error|undefined reference|: \*\*\* |^E: |^npm (ERR!|error)'

# show_failure LOG LINES: the end of a log; before it the lines around its first error, where the end does not have them.
show_failure() {
    local log=$1 lines=$2 total first from
    total=$(wc -l <"$log")
    first=$(grep -nEm1 "$ERROR_LINES" "$log" | cut -d: -f1) || true
    if [ -n "$first" ] && [ "$first" -le $((total - lines)) ]; then
        from=$((first > 5 ? first - 5 : 1))
        sed -n "$from,$((first + 5 < total - lines ? first + 5 : total - lines))p" "$log"
        printf '[…]\n'
    fi
    tail -n "$lines" "$log"
}
