#!/usr/bin/env bash
# Makes a static crun from the distribution's own source package and prints its path.
# Why: the packaged one loads systemd, gcrypt and ten more libraries: 100–150 ms at every start under software emulation,
# against 42 ms for this one, and 8 MB of guest memory against 2.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/image-common.sh
. scripts/lib/image-apt-source.sh

case ${1:-} in
    "") ;;
    -h | --help) sed -n '2,4s/^# \?//p' "$0"; exit 0 ;;
    *) die "unknown option $1 (see --help)" ;;
esac

# A static build needs the archives that come with these packages.
CRUN_BUILD_PACKAGES="autoconf automake libtool pkg-config dpkg-dev libyajl-dev libcap-dev libseccomp-dev"

build_crun() {
    local work=$1 archive
    say "fetch the source package of crun $version"
    fetch_source crun "$work/crun"
    # The static archive of yajl is libyajl_s.a in Debian and Ubuntu; crun asks the linker for -lyajl.
    archive=$(find /usr/lib -name 'libyajl_s.a' | head -n 1)
    mkdir "$work/static"
    [ -z "$archive" ] || ln -s "$archive" "$work/static/libyajl.a"
    say "compile it (log: $log)"
    cd "$work/crun"
    [ -x configure ] || run_logged "$log" ./autogen.sh
    # Without gcrypt: it only names the cache of compiled seccomp profiles, and its static archive does not link alone.
    run_logged "$log" env ac_cv_search_gcry_check_version=no ./configure --disable-systemd --disable-dl --enable-static --disable-shared \
        CFLAGS="-Os -g0"
    run_logged "$log" make -s -j"$(nproc)" CRUN_LDFLAGS=-all-static LDFLAGS="-all-static -L$work/static" git-version.h crun
    strip crun
}

main() {
    local kept
    version=$(version_of crun)
    kept=$NK_CACHE/crun/$version
    log=$kept/build.log
    if [ ! -x "$kept/crun" ]; then
        for package in $CRUN_BUILD_PACKAGES; do
            dpkg -s "$package" >/dev/null 2>&1 || die "$package is missing: apt-get install $CRUN_BUILD_PACKAGES"
        done
        mkdir -p "$kept"
        : >"$log"
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        (build_crun "$work")
        publish "$work/crun/crun" "$kept/crun"
    fi
    printf '%s\n' "$kept/crun"
}

main
