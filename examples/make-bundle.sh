#!/usr/bin/env bash
# Makes an OCI bundle from one of the examples: a root file system with busybox, the example's files and its config.json.
#   examples/make-bundle.sh hello|keepalive FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
example=$here/${1:?which example?} bundle=${2:?which folder?}
busybox=$(command -v busybox) || { echo "busybox is missing: apt-get install busybox-static" >&2; exit 1; }
[ -f "$example/config.json" ] || { echo "there is no example $1 in $here" >&2; exit 1; }

new=$bundle.new.$$
rm -rf "$new"
trap 'rm -rf "$new"' EXIT
# A container can make set-user-ID programs in its root file system: no user of the host may reach them (docs/threat-model.md).
mkdir -p "$(dirname "$new")"
mkdir -m 0700 "$new"
mkdir -p "$new"/rootfs/{bin,dev,etc,proc,root,sys,tmp,usr/bin,usr/sbin,sbin,var}
cp "$busybox" "$new/rootfs/bin/busybox"
for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$new/rootfs/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$new/rootfs/etc/passwd"
echo 'root:x:0:' >"$new/rootfs/etc/group"
# Empty, as images have them: a VM's own are bound over them (docs/networking.md).
touch "$new/rootfs/etc/hosts" "$new/rootfs/etc/resolv.conf"
[ ! -d "$example/files" ] || cp -a "$example/files/." "$new/rootfs/"
chown -R 0:0 "$new"
cp "$example/config.json" "$new/config.json"

rm -rf "$bundle"
mv "$new" "$bundle"
echo "$bundle"
