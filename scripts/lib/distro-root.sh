# Fresh roots of other distributions, copied from bases that debootstrap makes once and the cache keeps. Sourced after ui.sh,
# packages.sh, setup.sh and image-apt-source.sh.
# shellcheck shell=bash

DISTROS="debian-12 debian-13 ubuntu-22.04 ubuntu-24.04"
DISTRO_CACHE=$NK_CACHE/distros

distro_name() { local id=${1%-*}; printf '%s %s' "${id^}" "${1#*-}"; }

distro_codename() {
    case $1 in
        debian-12) echo bookworm ;;
        debian-13) echo trixie ;;
        ubuntu-22.04) echo jammy ;;
        ubuntu-24.04) echo noble ;;
        *) die "there is no distribution $1 here; there are: $DISTROS" ;;
    esac
}

# distro_mirror ID [-security]: NK_DEBIAN_MIRROR or NK_UBUNTU_MIRROR (…_SECURITY_MIRROR), else what this machine uses itself when it
# is of that family, else the public one.
distro_mirror() {
    local family=${1%-*} kind=${2:-} variable own=""
    variable=NK_${family^^}${kind:+_SECURITY}_MIRROR
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && [ "$ID" = "$family" ] && own_mirror "$VERSION_CODENAME$kind") || true
    case $family$kind in
        debian) own=${own:-http://deb.debian.org/debian} ;;
        debian-security) own=${own:-http://deb.debian.org/debian-security} ;;
        *) own=${own:-http://archive.ubuntu.com/ubuntu} ;;
    esac
    printf '%s\n' "${!variable:-$own}"
}

# own_mirror SUITE: from this machine's apt configuration.
own_mirror() {
    source_lines | sed 's/\[[^]]*\] *//' | awk -v suite="$1" '$3 == suite { print $2; exit }'
}

# True when the archive of a distribution answers.
reached() {
    local file status=0
    file=$(mktemp)
    timeout 60 /usr/lib/apt/apt-helper download-file "$(distro_mirror "$1")/dists/$(distro_codename "$1")/InRelease" "$file" ||
        status=$?
    rm -f "$file"
    return "$status"
}

# make_base ID: packages of priority "required" and apt. It changes with nothing but the release: kept until it is removed.
make_base() {
    local id=$1 base=$DISTRO_CACHE/$1/base codename script="" keyring components=main
    [ ! -d "$base" ] || return 0
    codename=$(distro_codename "$id")
    case $id in
        # The releases of Ubuntu are all made by one recipe; an older debootstrap only lacks the name of the newer ones.
        ubuntu*) script=gutsy components=main,universe; keyring=$(ubuntu_keyring) || return 1 ;;
        *) keyring=/usr/share/keyrings/debian-archive-keyring.gpg ;;
    esac
    rm -rf "$base.new"
    mkdir -p "$base.new"
    debootstrap --variant=minbase --components="$components" --keyring="$keyring" "$codename" "$base.new" \
        "$(distro_mirror "$id")" ${script:+"$script"} || return 1
    write_sources "$id" "$codename" "${components/,/ }" >"$base.new/etc/apt/sources.list"
    mv "$base.new" "$base"
}

write_sources() {
    local id=$1 codename=$2 components=$3 mirror
    mirror=$(distro_mirror "$id")
    printf 'deb %s %s %s\n' "$mirror" "$codename" "$components" "$mirror" "$codename-updates" "$components" \
        "$(distro_mirror "$id" -security)" "$codename-security" "$components"
}

# Ubuntu's keys, on Debian 12 from the package of Debian 13, whose own signature apt has checked.
ubuntu_keyring() {
    local keyring=usr/share/keyrings/ubuntu-archive-keyring.gpg kept=$DISTRO_CACHE/keyring
    if [ -f "/$keyring" ]; then printf '/%s\n' "$keyring"; return; fi
    if [ ! -f "$kept/$keyring" ]; then
        make_base debian-13 >&2 || return 1
        fresh_root debian-13 keyring >&2
        in_root debian-13 keyring sh -c 'apt-get -qq update && cd /tmp && apt-get -qq -o APT::Sandbox::User=root download ubuntu-keyring' >&2 ||
            return 1
        dpkg-deb -x "$DISTRO_CACHE"/debian-13/keyring/tmp/ubuntu-keyring_*.deb "$kept"
        remove_root debian-13 keyring
    fi
    printf '%s\n' "$kept/$keyring"
}

# fresh_root ID NAME: a copy of the base with this checkout in /root/nano-sandbox as a clone would have it, and the way out of this machine.
fresh_root() {
    local root=$DISTRO_CACHE/$1/$2
    remove_root "$1" "$2"
    cp -a "$DISTRO_CACHE/$1/base" "$root"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    cp -L "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/nk-host-certificates.crt"
    # No package starts a service in there.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mkdir "$root/root/nano-sandbox"
    tar -C "$NK_ROOT" --exclude=./node_modules --exclude=./build --exclude=./.git -cf - . | tar -C "$root/root/nano-sandbox" --no-same-owner -xf -
}

remove_root() { rm -rf --one-file-system "${DISTRO_CACHE:?}/$1/$2"; }

# in_root ID NAME COMMAND…: dies with the caller.
in_root() {
    local id=$1 name=$2
    shift 2
    env "${TEST_MARK:-NK_TEST_RUN=}" setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
        bash "$NK_ROOT/scripts/lib/distro-enter.sh" "$DISTRO_CACHE/$id/$name" "$DISTRO_CACHE/$id/kept" "$@"
}

# install_node ID NAME: the distribution's own Node.js where it is new enough, else a copy of this machine's.
install_node() {
    local root=$DISTRO_CACHE/$1/$2 version modules
    in_root "$1" "$2" apt-get -qq update || return 1
    version=$(in_root "$1" "$2" apt-cache policy nodejs | sed -n 's/^  Candidate: //p')
    if dpkg --compare-versions "$version" ge 20.19; then
        say "the distribution's Node.js is $version"
        in_root "$1" "$2" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nodejs npm
        return
    fi
    say "the distribution's Node.js, $version, is too old: this machine's $(node --version)"
    modules=$(dirname "$(readlink -f "$(command -v npm)")")/../..
    mkdir -p "$root/usr/local/lib/node_modules"
    cp "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
    cp -a "$modules/npm" "$root/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
    in_root "$1" "$2" node --version
}

# What every installation of a distribution has, and debootstrap's smallest lacks.
install_usual() {
    printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$DISTRO_CACHE/$1/$2/etc/hosts"
    in_root "$1" "$2" apt-get -qq install -y --no-install-recommends sudo
}
