#!/usr/bin/env bash
# distro-enter.sh ROOT KEPT COMMAND…: runs a command in another distribution's root, in its copy of this checkout. Called by
# distro-root.sh in namespaces of mounts and processes of its own: what is mounted and started goes with the command.
# pivot_root and not chroot: a runtime and the servers of shares make roots of their own, which the kernel refuses in a chroot.
# KEPT has what outlives the root, so that a second run is quick: packages, and compiled kernels.
set -euo pipefail
root=$1 kept=$2
shift 2

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 run "$root/run"
mkdir -p "$kept"/{packages,npm,cache} "$root"/root/{.npm,.cache/nano-sandbox} "$root/mnt/host"
mount --bind "$kept/packages" "$root/var/cache/apt/archives"
mount --bind "$kept/npm" "$root/root/.npm"
mount --bind "$kept/cache" "$root/root/.cache/nano-sandbox"
cd "$root"
pivot_root . mnt/host
cd /root/nano-sandbox
umount -l /mnt/host
exec env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NK_TEST_RUN="$NK_TEST_RUN" npm_config_registry="$NK_REGISTRY" NODE_EXTRA_CA_CERTS=/etc/nk-host-certificates.crt "$@"
