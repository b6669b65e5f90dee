#!/usr/bin/env bash
# File systems of the kernel in files: what an image builder does.
set -euo pipefail
for n in 0 1 2 3; do [ -e /dev/loop$n ] || mknod /dev/loop$n b 7 $n; done
truncate -s 64M /srv/disk
mkfs.ext4 -q /srv/disk
mount -o loop /srv/disk /mnt
cp -a /srv/bzip2/. /mnt/
umount /mnt
fsck.ext4 -fn /srv/disk
mount -o loop,ro /srv/disk /mnt
diff -r --exclude=lost+found /srv/bzip2 /mnt
umount /mnt
mksquashfs /srv/bzip2/ /srv/bzip2.squashfs -quiet -no-progress
mount -t squashfs -o loop /srv/bzip2.squashfs /mnt
diff -r /srv/bzip2 /mnt
umount /mnt
