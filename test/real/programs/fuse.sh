#!/usr/bin/env bash
# File systems in user space: an overlay and a packed image, both over the container's own files.
set -euo pipefail
mkdir -p /mnt/{upper,work,merged,image}
fuse-overlayfs -o lowerdir=/srv/bzip2,upperdir=/mnt/upper,workdir=/mnt/work /mnt/merged
echo changed >/mnt/merged/README
rm /mnt/merged/CHANGES
[ "$(cat /mnt/upper/README)" = changed ]
[ ! -e /mnt/merged/CHANGES ] && [ -e /srv/bzip2/CHANGES ]
umount /mnt/merged
mksquashfs /srv/bzip2/ /tmp/bzip2.squashfs -quiet -no-progress
squashfuse /tmp/bzip2.squashfs /mnt/image
diff -r /srv/bzip2 /mnt/image
umount /mnt/image
