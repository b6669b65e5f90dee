#!/usr/bin/env bash
# Makes the guest kernels below build/image/kernels:
#   build-kernel.sh            ours, from the distribution's kernel source (some minutes; cached)
#   build-kernel.sh --distro   the distribution's cloud kernel with its modules (a download, no compiling)
# kernels/default points at ours once it is built, at the distribution's until then.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/image-common.sh

case ${1:-} in
    --distro) . scripts/lib/image-distro.sh; fetch_distro_kernel ;;
    "") . scripts/lib/image-kernel.sh; build_own_kernel ;;
    -h | --help) sed -n '2,5s/^# \?//p' "$0" ;;
    *) die "unknown option $1 (see --help)" ;;
esac
