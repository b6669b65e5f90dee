# Which Debian and Ubuntu packages are needed, and installing the missing ones. Sourced after ui.sh.
# shellcheck shell=bash disable=SC2034

# A line is `package`, or `package:command` when the command, wherever it came from, does as well.
RUN_PACKAGES="
    qemu-system-x86:qemu-system-x86_64
    iproute2:ip nftables:nft
    crun:crun
    runc:runc
    busybox-static
    diod:diod
    iproute2:ip nftables:nft
"
AGENT_PACKAGES="gcc make libc6-dev libjansson-dev"
# A static crun needs the archives that come with these packages.
CRUN_PACKAGES="
    gcc make libc6-dev libseccomp-dev libcap-dev libyajl-dev
    autoconf automake libtool pkg-config dpkg-dev xz-utils python3:python3
"
MODULE_PACKAGES="kmod zstd:zstd xz-utils"
BUILD_PACKAGES="$AGENT_PACKAGES $CRUN_PACKAGES $MODULE_PACKAGES"
KERNEL_PACKAGES="gcc make libc6-dev bc bison flex patch xz-utils bzip2 libelf-dev libssl-dev"
TEST_PACKAGES="
    socat:socat jq:jq attr:getfattr acl:getfacl e2fsprogs erofs-utils procps:ps util-linux systemd:systemd-run
    curl:curl iputils-ping:ping tcpdump:tcpdump passt:passt uidmap:newuidmap
    shellcheck:shellcheck clang-format-14:clang-format-14 clang-14:clang-14
"

# What bench/net measures with. Without passt, which not every release has, --vm-net=user is QEMU's own network.
NET_PACKAGES="iperf3:iperf3 iputils-ping:ping passt:passt"
# What root file systems of distributions are made with.
ROOT_PACKAGES="debootstrap:debootstrap debian-archive-keyring"
# Programs that call a runtime, and what they make networks with.
REAL_PACKAGES="
    podman:podman catatonit netavark aardvark-dns containernetworking-plugins golang-github-containernetworking-plugin-dnsname
    slirp4netns:slirp4netns dnsmasq-base iptables:iptables containerd:containerd buildah:buildah docker.io:dockerd
"
# Of those: tests start them for themselves. Docker's would change the host's network as soon as it is installed.
REAL_UNITS="docker.service docker.socket containerd.service"

# missing_packages LIST: those of the list that are not there. No network, some 30 ms.
missing_packages() {
    local entry package command
    for entry in $1; do
        package=${entry%%:*} command=${entry#*:}
        if [ "$command" != "$entry" ] && command -v "$command" >/dev/null; then continue; fi
        # Not every release has them, and all but the share 9p-vsock and --vm-net=user do without.
        if [[ $package = diod || $package = passt ]] && ! apt-cache show "$package" >/dev/null 2>&1; then continue; fi
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
    # Part of qemu-system-common up to QEMU 7.2 (Debian 12, Ubuntu 22.04), a package of its own later.
    if ! find_virtiofsd && [ "$(dpkg-query -W -f '${db:Status-Status}' qemu-system-common 2>/dev/null)" = installed ]; then
        printf 'virtiofsd '
    fi
    # Part of libclang-common-14-dev on Ubuntu 22.04, a package of its own later.
    case $1 in *clang-14:clang-14*) have_fuzzer_runtime || printf 'libclang-rt-14-dev ' ;; esac
}

# True while there is no compiler: it may bring the runtime.
have_fuzzer_runtime() {
    ! command -v clang-14 >/dev/null || compgen -G '/usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a' >/dev/null
}

find_virtiofsd() { [ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ]; }

# install_packages LIST: installs what is missing; returns at once, without the network, when nothing is.
install_packages() {
    local missing
    missing=$(missing_packages "$1")
    [ -n "$missing" ] || return 0
    # An old package list names files that the mirror has deleted meanwhile.
    apt-get update || say "apt-get update failed: going on with the package lists that are here"
    apt_install "$missing" || return 1
    # What only shows now that QEMU is there: a virtiofsd in a package of its own.
    missing=$(missing_packages "$1")
    [ -z "$missing" ] || apt_install "$missing"
}

apt_install() {
    local unit held=() status=0
    say "installing: $1"
    case " $1 " in
        *" docker.io "*) for unit in $REAL_UNITS; do [ -e "/lib/systemd/system/$unit" ] || held+=("$unit"); done ;;
    esac
    [ ${#held[@]} = 0 ] || systemctl mask "${held[@]}"
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $1 || status=$?
    if [ ${#held[@]} != 0 ]; then
        systemctl unmask "${held[@]}"
        [ "$status" != 0 ] || systemctl disable "${held[@]}"
    fi
    return "$status"
}
