#!/usr/bin/env bash
# Puts nk-runtime, its native helper, the guest image and the example bundles on the system. Safe to run again.
#   sudo ./scripts/install.sh [--prefix /usr/local] [--uninstall]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh
. scripts/lib/packages.sh
. scripts/lib/setup.sh
. scripts/lib/setup-install.sh

PREFIX=/usr/local
action=install
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) PREFIX=${2:?--prefix needs a folder}; shift ;;
        --prefix=*) PREFIX=${1#*=} ;;
        --uninstall) action=uninstall ;;
        -h | --help) sed -n '2,3s/^# \?//p' "$0"; exit 0 ;;
        *) die "unknown option $1 (see --help)" ;;
    esac
    shift
done
case $PREFIX in /*) PREFIX=${PREFIX%/} ;; *) die "--prefix must be an absolute path, found $PREFIX" ;; esac

if [ "$action" = uninstall ]; then
    require_root
    uninstall_all
    exit 0
fi
title "nano-sandbox: install below $PREFIX"
setup_all ""
step "install" install install_all
"$PREFIX/bin/nk-runtime" --version
say "Installed. The files are listed in $(manifest); take them off with: sudo ./scripts/install.sh --prefix $PREFIX --uninstall"
say "Try: sudo $PREFIX/bin/nk-runtime run --mode=vm --bundle=$PREFIX/share/nano-sandbox/hello hello"
