#!/usr/bin/env bash
# lab-server.sh FOLDER LOGS: serves the host's files to the KVM lab by virtiofs, on the socket FOLDER/host.sock, LOGS to write
# and all others to read. Runs in a mount namespace of its own (lab.sh); there everything is made read-only, so that nothing
# in the lab can write to the host, whatever it does.
set -euo pipefail
folder=$1 logs=$2

while read -r _ _ _ _ point _; do
    point=$(printf '%b' "$point")
    # What another mount hides cannot be reached.
    mountpoint -q "$point" || continue
    mount -o remount,bind,ro "$point"
done </proc/self/mountinfo
for writable in "$folder" "$logs"; do
    mount --bind "$writable" "$writable"
    mount -o remount,bind,rw "$writable"
done
mount -t tmpfs run /run # for the server's lock file

if [ -x /usr/libexec/virtiofsd ]; then
    exec /usr/libexec/virtiofsd --socket-path="$folder/host.sock" --shared-dir=/ --sandbox=chroot --cache=always
fi
exec /usr/lib/qemu/virtiofsd --socket-path="$folder/host.sock" -o source=/ -o sandbox=chroot -o cache=always
