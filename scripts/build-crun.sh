#!/usr/bin/env bash
# Makes a static crun from the distribution's own source package and prints its path; the distribution's where that fails.
#   build-crun.sh            once for this machine, a minute; kept in the cache
#   build-crun.sh --static   the static one or an error
# Why: the packaged one loads systemd, gcrypt and ten more libraries: 100–150 ms at every start under software emulation,
# against 42 ms for this one, and 8 MB of guest memory against 2.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/image-common.sh
. scripts/lib/image-apt-source.sh

STUB=guest/crun/unknown-syscalls.c
# The calls of libseccomp that it takes; crun's source stays as it is.
WRAPPED=-Wl,--wrap=seccomp_init,--wrap=seccomp_arch_add,--wrap=seccomp_syscall_resolve_name,--wrap=seccomp_export_bpf

# make_static FILE
make_static() {
    local work log=$1.log archive
    need_packages "$CRUN_PACKAGES"
    mkdir -p "${1%/*}"
    : >"$log"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$work'" EXIT
    fetch_source crun "$work/crun"
    # The static archive of yajl is libyajl_s.a in Debian and Ubuntu; crun asks the linker for -lyajl.
    archive=$(find /usr/lib -name 'libyajl_s.a' | head -n 1)
    mkdir "$work/static"
    [ -z "$archive" ] || ln -s "$archive" "$work/static/libyajl.a"
    run_logged "compile $STUB" "$log" gcc -Os -Wall -Wextra -Werror -c "$STUB" -o "$work/static/unknown-syscalls.o"
    (cd "$work/crun" && compile "$work/static" "$log")
    strip "$work/crun/crun"
    publish "$work/crun/crun" "$1"
}

# compile FOLDER LOG: in the source tree; FOLDER has what the linker looks for.
compile() {
    local static=$1 log=$2
    [ -x configure ] || run_logged "make its configure" "$log" ./autogen.sh
    # Without gcrypt: it only names the cache of compiled seccomp profiles, and its static archive does not link alone.
    run_logged "configure it" "$log" env ac_cv_search_gcry_check_version=no ./configure --disable-systemd --disable-dl \
        --enable-static --disable-shared CFLAGS="-Os -g0"
    # By themselves: by its makefile a parallel make compiles with headers that are still being written.
    run_logged "generate its headers" "$log" make -s -C libocispec generate
    run_logged "compile it" "$log" make -s -j"$(nproc)" \
        CRUN_LDFLAGS="-all-static $WRAPPED $static/unknown-syscalls.o" LDFLAGS="-all-static -L$static" git-version.h crun
}

distribution_crun() {
    say "there is no static crun, so guests get the distribution's with its libraries. What that costs: 6 MiB of each guest's memory
  and, under software emulation, 100 ms at each start of a container. scripts/build-rootfs.sh tries again"
    need_packages crun:crun
    command -v crun
}

case ${1:-} in
    "" | --static) ;;
    -h | --help) sed -n '2,6s/^# \?//p' "$0"; exit 0 ;;
    *) die "unknown option $1 (see --help)" ;;
esac
kept=$NK_CACHE/crun/$(version_of crun)-$(sha256sum "$STUB" | cut -c 1-8)/crun
if [ -x "$kept" ]; then
    printf '%s\n' "$kept"
elif [ "${1:-}" = --static ]; then
    make_static "$kept"
    printf '%s\n' "$kept"
else
    # A process of its own: `set -e` does not hold where a status is looked at.
    scripts/build-crun.sh --static || distribution_crun
fi
