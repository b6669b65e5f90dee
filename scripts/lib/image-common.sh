# Shared by the scripts that make guest images. Source it from a script in scripts/ with `set -eu` on.
# shellcheck shell=bash

NK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NK_CACHE=${NK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nano-sandbox} # as scripts/lib/setup.sh
NK_IMAGE=${NK_IMAGE:-$NK_ROOT/build/image}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# need COMMAND PACKAGE: stops with the package that brings the command.
need() { command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"; }

# publish FILE TARGET: moves a finished file into place, so that nobody reads half of it. The same bytes stay untouched:
# what was prepared of them (build/image/cache) is named by their time.
publish() { cmp -s "$1" "$2" && return 0; mkdir -p "$(dirname "$2")"; cp "$1" "$2.new.$$"; mv "$2.new.$$" "$2"; }

# run_logged LOG COMMAND…: quiet while it works, the end of the log when it fails.
run_logged() {
    local log=$1; shift
    if ! "$@" >>"$log" 2>&1; then
        tail -n 30 "$log" >&2
        die "$1 failed; the whole log is $log"
    fi
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
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$1") || die "apt-get download $1 failed"
    mkdir -p "$2"
    dpkg-deb -x "$work"/*.deb "$2"
    rm -rf "$work"
}

# image_tool COMMAND…: scripts/image-tool.ts, bundled again only when its sources are newer.
image_tool() {
    local tool=$NK_ROOT/build/tools/image-tool.mjs
    if [ ! -f "$tool" ] || [ -n "$(find "$NK_ROOT"/src/{base,image,vm} "$NK_ROOT"/scripts/image-tool.ts -newer "$tool" -name '*.ts')" ]; then
        [ -x "$NK_ROOT/node_modules/.bin/esbuild" ] || die "node_modules is missing: npm ci"
        "$NK_ROOT/node_modules/.bin/esbuild" "$NK_ROOT/scripts/image-tool.ts" --bundle --platform=node --format=esm \
            --target=node20 --log-level=warning --outfile="$tool"
    fi
    node "$tool" "$@"
}
