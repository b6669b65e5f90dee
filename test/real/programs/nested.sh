#!/usr/bin/env bash
# podman in the container: images, runs, an exec and a network, by each of its storage drivers, and a build.
set -euo pipefail
mkdir -p /tmp/box/bin && cp /bin/busybox /tmp/box/bin/ && ln -s busybox /tmp/box/bin/sh && tar -C /tmp/box -cf /tmp/box.tar .
mkdir /run/memory && mount -t tmpfs memory /run/memory
p() {
    podman --root="$root" --runroot="/run/${root##*/}" --cgroup-manager=cgroupfs --network-backend=netavark "${options[@]}" "$@"
}
try() {
    root=$1 options=("${@:2}")
    p import -q /tmp/box.tar box
    p run --rm --network=none box sh -c 'echo inner' | grep -x inner
    p run -d --name long box sh -c 'exec busybox sleep 1000000'
    p exec long busybox ps | grep -q sleep
    p exec long busybox ip addr show eth0 | grep -q inet
    p rm -f -t 0 long
}
try /var/lib/containers/vfs --storage-driver=vfs
try /run/memory/overlay --storage-driver=overlay
try /var/lib/containers/fuse --storage-driver=overlay --storage-opt=overlay.mount_program=/usr/bin/fuse-overlayfs
printf 'FROM box\nRUN /bin/busybox mkdir /made\n' >/tmp/Containerfile
p build -q -t made -f /tmp/Containerfile /tmp/box
p run --rm --network=none made busybox ls -d /made
