#!/usr/bin/env bash
# Makes the guest's initramfs below build/image/rootfs: agent and in-VM runtime, nothing else.
#   initramfs.cpio        agent and crun (static; the distribution's with its libraries where that cannot be built)
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

# libraries_of PROGRAM: as lines of a list. The loader is named by its absolute path in the binary; the libraries go where it looks by default.
libraries_of() {
    local library
    ldd "$1" | awk '/=> \// { print $3 } /^[[:space:]]*\// { print $1 }' | LC_ALL=C sort -u | while read -r library; do
        case $library in
            */ld-linux*) printf 'file /lib64/%s %s 0755\n' "${library##*/}" "$library" ;;
            *) printf 'file /lib/%s %s 0755\n' "${library##*/}" "$library" ;;
        esac
    done
}

# make_image NAME LIST PROGRAM WORD=PATH…: an archive of the list and of the libraries of the program, if it is not static.
make_image() {
    local target=$NK_IMAGE/rootfs/$1 list
    list=$(mktemp)
    cat "$2" >"$list"
    if ldd "$3" >/dev/null 2>&1; then
        printf 'dir /lib64 0755\n' >>"$list"
        libraries_of "$3" >>"$list"
    fi
    image_tool cpio "$target" "$list" "${@:4}"
    rm -f "$list"
    say "$target: $(du -k "$target" | cut -f1) KiB"
}

compile_agent() {
    need_packages "$AGENT_PACKAGES"
    run_logged "compile the agent" "$NK_LOGS/build-agent.log" make -C guest/agent
}

agent=${NK_AGENT:-build/guest/nk-agent}
[ -n "${NK_AGENT:-}" ] || compile_agent
crun=${NK_CRUN:-$(scripts/build-crun.sh)}
make_image initramfs.cpio guest/image/initramfs.list "$crun" AGENT="$agent" CRUN="$crun"
if runc=$(command -v runc); then
    make_image initramfs-runc.cpio guest/image/initramfs-runc.list "$runc" RUNC="$runc"
else
    rm -f "$NK_IMAGE/rootfs/initramfs-runc.cpio"
    say "runc is not installed: no --vm-runtime=runc in this image"
fi
