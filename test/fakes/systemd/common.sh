# Units of the stand-in: a file for each in $FAKE_SYSTEMD, with its path below the hierarchies; a failed one has `failed` in it.
# shellcheck shell=bash

units=$FAKE_SYSTEMD/units
mkdir -p "$units"
printf '%s %s\n' "${0##*/}" "$*" >>"$FAKE_SYSTEMD/calls"

# A user's manager has its units below a cgroup of its own.
base=""
if [ "$1" = --user ]; then base=${FAKE_SYSTEMD_USER:?} && shift; fi

fail() { # STATUS WORDS
    printf '%s\n' "$2" >&2
    exit "$1"
}

# The folders of a path below each hierarchy of the machine.
folders_of() {
    awk -v path="$1" '$0 ~ / - cgroup2? / { print $5 path }' /proc/self/mountinfo
}

# forget UNIT: as it is after its end.
forget() {
    local folder
    for folder in $(folders_of "$(cat "$units/$1")"); do
        [ ! -d "$folder" ] || rmdir "$folder"
    done
    rm "$units/$1"
}

forget_empty() {
    local unit folder
    for unit in "$units"/*; do
        if [ ! -e "$unit" ] || [ "$(cat "$unit")" = failed ]; then continue; fi
        for folder in $(folders_of "$(cat "$unit")"); do
            [ -z "$(cat "$folder/cgroup.procs" 2>/dev/null)" ] || continue 2
        done
        forget "${unit##*/}"
    done
}
forget_empty
