# A root file system of Debian 12 with the programs that test/real/programs.test.ts runs, made once and kept in the cache. Sourced after
# distro-root.sh.
# shellcheck shell=bash

PROGRAMS_PACKAGES="
    systemd systemd-sysv dbus
    postgresql-15 postgresql-server-dev-15
    sqlite3 git ca-certificates procps iproute2
    build-essential
    nginx-light apache2-utils
    podman crun fuse-overlayfs uidmap netavark iptables busybox-static
    squashfuse squashfs-tools fuse3
    e2fsprogs
"
# Built or tested inside, from their source packages. The Debian package of PostgreSQL has its regression driver, and not the tests.
PROGRAMS_SOURCES="postgresql-15 bzip2"
# Fetched, and installed inside.
PROGRAMS_DEBS="jq libjq1 libonig5"
PROGRAMS_NPM="express@4 esbuild@0.21"

# programs_root: makes it, and links it as build/programs-root.
programs_root() {
    local key kept
    key=$(sha256sum "$NK_ROOT/scripts/lib/programs-root.sh" | cut -c1-12)
    kept=$DISTRO_CACHE/debian-12/programs-$key
    [ -d "$kept" ] || make_programs_root "programs-$key" || return 1
    ln -sfn "$kept" "$NK_ROOT/build/programs-root"
}

make_programs_root() {
    local name=$1.new root=$DISTRO_CACHE/debian-12/$1.new
    NK_REGISTRY=$(npm config get registry)
    export NK_REGISTRY
    make_base debian-12 && fresh_root debian-12 "$name" && install_node debian-12 "$name" || return 1
    # The release alone: PostgreSQL and its source have one version there, and stay.
    printf '%s debian bookworm main\n' deb deb-src | sed "s, debian , $(distro_mirror debian-12) ," >"$root/etc/apt/sources.list"
    printf '%s\n' "$(declare -f fill_programs_root)" "$(declare -p PROGRAMS_PACKAGES PROGRAMS_SOURCES PROGRAMS_DEBS PROGRAMS_NPM)" \
        "set -e; fill_programs_root" >"$root/root/fill"
    in_root debian-12 "$name" bash /root/fill || return 1
    rm -rf "$root"/{root/fill,root/nano-sandbox,usr/sbin/policy-rc.d}
    remove_root debian-12 "$1"
    mv "$root" "$DISTRO_CACHE/debian-12/$1"
}

# Runs in the new root.
# shellcheck disable=SC2086 # lists of words
fill_programs_root() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends $PROGRAMS_PACKAGES
    # Started by those who test them, and not by every systemd.
    systemctl -q disable postgresql nginx podman{,-restart,-auto-update}.service podman.socket podman-auto-update.timer
    mkdir -p /srv/src /srv/debs /srv/npm
    (cd /srv/src && apt-get -qq -o APT::Sandbox::User=root source $PROGRAMS_SOURCES && rm -f ./*.xz ./*.gz ./*.bz2 ./*.dsc ./*.asc)
    (cd /srv/debs && apt-get -qq -o APT::Sandbox::User=root download $PROGRAMS_DEBS && dpkg-scanpackages . >Packages)
    (cd /srv/npm && npm init -y && npm install --cache /srv/npm/cache $PROGRAMS_NPM && rm -rf node_modules)
    local regress
    regress=$(echo /srv/src/postgresql-15-*/src/test/regress)
    # What Debian's packages lack of the tests: their C functions. The two others are those of the package.
    gcc -O2 -fPIC -shared -I"$(pg_config --includedir-server)" "$regress/regress.c" -o "$regress/regress.so"
    ln -s "$(pg_config --pkglibdir)"/{refint,autoinc}.so "$regress/"
    ln -s "$regress" /srv/regress
    ln -s /srv/src/bzip2-* /srv/bzip2
}
