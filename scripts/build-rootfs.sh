#!/usr/bin/env bash
# Makes the guest's initramfs below build/image/rootfs: agent and in-VM runtime, nothing else.
#   initramfs.cpio        agent and crun
#   initramfs-runc.cpio   runc and its libraries, loaded behind the first for --vm-runtime=runc; only where runc is installed
# The same inputs give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/image-common.sh

case ${1:-} in
    "") ;;
    -h | --help) sed -n '2,5s/^# \?//p' "$0"; exit 0 ;;
    *) die "unknown option $1 (see --help)" ;;
esac

agent=${NK_AGENT:-build/guest/nk-agent}

make_runc_image() {
    local list library work
    work=$(mktemp -d)
    list=$work/list
    cat guest/image/initramfs-runc.list >"$list"
    # The loader is named by its absolute path in the binary; the libraries go where it looks by default.
    ldd "$1" | awk '/=> \// { print $3 } /^[[:space:]]*\// { print $1 }' | LC_ALL=C sort -u | while read -r library; do
        case $library in
            */ld-linux*) printf 'file /lib64/%s %s 0755\n' "${library##*/}" "$library" ;;
            *) printf 'file /lib/%s %s 0755\n' "${library##*/}" "$library" ;;
        esac
    done >>"$list"
    image_tool cpio "$NK_IMAGE/rootfs/initramfs-runc.cpio" "$list" RUNC="$1"
    rm -rf "$work"
}

[ -x "$agent" ] || die "$agent is missing: make -C guest/agent"
crun=$(scripts/build-crun.sh)
image_tool cpio "$NK_IMAGE/rootfs/initramfs.cpio" guest/image/initramfs.list AGENT="$agent" CRUN="$crun"
say "$NK_IMAGE/rootfs/initramfs.cpio: $(du -k "$NK_IMAGE/rootfs/initramfs.cpio" | cut -f1) KiB"
if runc=$(command -v runc); then
    make_runc_image "$runc"
    say "$NK_IMAGE/rootfs/initramfs-runc.cpio: $(du -k "$NK_IMAGE/rootfs/initramfs-runc.cpio" | cut -f1) KiB"
else
    rm -f "$NK_IMAGE/rootfs/initramfs-runc.cpio"
    say "runc is not installed: no --vm-runtime=runc in this image"
fi
