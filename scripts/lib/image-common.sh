# Shared by the scripts that make guest images. Source it from a script in scripts/ with `set -eu` on.
# shellcheck shell=bash

NK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NK_CACHE=${NK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nano-sandbox} # as scripts/lib/setup.sh
NK_IMAGE=${NK_IMAGE:-$NK_ROOT/build/image}
NK_LOGS=$NK_ROOT/build/logs
mkdir -p "$NK_LOGS"
. scripts/lib/progress.sh
. scripts/lib/packages.sh
. scripts/lib/node.sh

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# need COMMAND PACKAGE: stops with the package that brings the command.
need() { command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"; }

# need_packages LIST: installs those of a list of packages.sh that are missing.
need_packages() {
    local missing
    missing=$(missing_packages "$1")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || die "these packages are missing: ${missing% }
Install them (sudo apt-get install ${missing% }) or run this as root: sudo $0"
    run_logged "install packages: ${missing% }" "$NK_LOGS/packages-${0##*/}.log" install_packages "$1"
}

# publish FILE TARGET: moves a finished file into place, so that nobody reads half of it. The same bytes stay untouched:
# what was prepared of them (build/image/cache) is named by their time.
publish() { cmp -s "$1" "$2" && return 0; mkdir -p "$(dirname "$2")"; cp "$1" "$2.new.$$"; mv "$2.new.$$" "$2"; }

# run_logged WHAT LOG COMMAND…: says what it does and for how long; what went wrong when it fails.
run_logged() {
    local what=$1 log=$2 status=0 started=$SECONDS text
    shift 2
    text="${0##*/}: $what, "
    say "$what (log: $log)"
    begin_progress 2 "$text" seconds_only
    "$@" >>"$log" 2>&1 || status=$?
    end_progress
    [ ! -t 2 ] || printf '\r\e[K' >&2
    [ "$status" = 0 ] || { show_failure "$log" 20 >&2; die "$what: $1 failed after $((SECONDS - started)) s; the whole log is $log"; }
}

# candidate PACKAGE: the version that apt would install, "" when it knows none. Half a second: ask once.
candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true; }

# depends_like PACKAGE PATTERN: the first dependency of a meta package whose name matches.
depends_like() { LC_ALL=C apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: //p' | grep -E -m1 "$2" || true; }

# version_of PACKAGE: its candidate; apt-get update first where apt does not know the package.
version_of() {
    local version
    version=$(candidate "$1")
    if [ -z "$version" ]; then
        say "apt does not know $1 yet: apt-get update"
        apt-get update -qq >&2 || die "apt-get update failed: run it as root, with the network up"
        version=$(candidate "$1")
    fi
    [ -n "$version" ] || die "apt has no package $1 for this distribution"
    printf '%s\n' "$version"
}

# fetch_deb PACKAGE FOLDER: downloads the candidate of a package and unpacks it; nothing is installed.
fetch_deb() {
    local work
    work=$(mktemp -d)
    (cd "$work" && run_logged "download $1" "$NK_LOGS/download-$1.log" apt-get -qq -o APT::Sandbox::User=root download "$1")
    mkdir -p "$2"
    dpkg-deb -x "$work"/*.deb "$2"
    rm -rf "$work"
}

need_node_modules() {
    [ ! -x "$NK_ROOT/node_modules/.bin/esbuild" ] || return 0
    require_node
    run_logged "install the node modules (npm ci)" "$NK_LOGS/npm-ci.log" install_node_modules
}

# image_tool COMMAND…: scripts/image-tool.ts, bundled again only when its sources are newer.
image_tool() {
    local tool=$NK_ROOT/build/tools/image-tool.mjs
    if [ ! -f "$tool" ] || [ -n "$(find "$NK_ROOT"/src/{base,image,vm} "$NK_ROOT"/scripts/image-tool.ts -newer "$tool" -name '*.ts')" ]; then
        need_node_modules
        "$NK_ROOT/node_modules/.bin/esbuild" "$NK_ROOT/scripts/image-tool.ts" --bundle --platform=node --format=esm \
            --target=node20 --log-level=warning --outfile="$tool"
    fi
    node "$tool" "$@"
}
