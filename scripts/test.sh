#!/usr/bin/env bash
# Sets up like quickstart.sh and runs the tests; the last line is "N passed, N failed".
#   sudo ./scripts/test.sh [unit|integration|vm|kvm|all|soak|real|distros]
# unit         style and type checks, C tests under sanitizers, TypeScript tests without root's powers
# integration  the command line against fakes and the real native parts
# vm           real virtual machines, on the distribution's kernel and on ours (compiled once, some minutes)
# kvm          virtual machines with KVM, that of this machine or of the lab (docs/kvm-lab.md), on QEMU and, where NK_FIRECRACKER
#              names its binary or it is on the PATH, on Firecracker; all has one of them
# soak         what needs many containers or much time, up to an hour; not part of all
# real         under podman, buildah, containerd and Docker, with their networks, hundreds of runs by them, and programs in a root file system of
#              Debian: two hours; not part of all. The daemons are installed switched off
# distros      in roots of Debian 12, 13, Ubuntu 22.04 and 24.04, or those that NK_DISTROS names: the build scripts, quickstart, a container by
#              each share; an hour and a half when new (four kernels are compiled), half an hour later; not part of all
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/ui.sh
. scripts/lib/packages.sh
. scripts/lib/setup.sh
. scripts/lib/setup-tests.sh
. scripts/lib/test-kvm.sh
. scripts/lib/test-distros.sh
. scripts/lib/programs-root.sh

which=${1:-all}
case $which in
    unit | integration) packages=$TEST_PACKAGES ;;
    real) packages="$TEST_PACKAGES $KERNEL_PACKAGES $REAL_PACKAGES $ROOT_PACKAGES" ;;
    vm | kvm | all | soak) packages="$TEST_PACKAGES $KERNEL_PACKAGES" ;;
    distros) packages=$ROOT_PACKAGES ;;
    -h | --help) sed -n '2,13s/^# \?//p' "$0"; exit 0 ;;
    *) die "there are no tests called $which (see --help)" ;;
esac
wanted() { [ "$which" = all ] || [ "$which" = "$1" ]; }

# Also when the set-up fails: then that is the one failure.
closing_line() {
    [ "${finished:-}" = yes ] || FAILED=$((FAILED + 1))
    printf '\n%d passed, %d failed' "$PASSED" "$FAILED"
    [ "$SKIPPED" = 0 ] || printf ', %d skipped' "$SKIPPED"
    printf '\n'
}

AT_EXIT+=(closing_line)
title "set up"
if [ "$which" = distros ]; then
    setup_distros "$packages"
else
    setup_all "$packages"
fi
if [ "$which" != distros ] && [ "$which" != unit ] && [ "$which" != integration ]; then
    step "guest kernel of our own (minutes when new)" kernel-own cached_build kernel scripts/build-kernel.sh
fi

begin_tests
# One core for more than a minute: beside what needs no machine.
[ "$which" != all ] || SUITE_TIMEOUT_S=300 start_kvm root -t "QEMU, block, erofs"
if wanted unit; then
    title "checks"
    test_step "types" check-types npm run -s check:types
    test_step "lint" check-lint npm run -s check:lint
    test_step "format" check-format npm run -s check:format
    test_step "imports go one way" check-imports npm run -s check:imports
    test_step "links in the documents" check-links npm run -s check:links
    test_step "C format" check-c-format check_c_format
    test_step "shell scripts" check-shell check_shell
    title "unit tests"
    test_make "shadow, under sanitizers" native
    test_make "guest agent, under sanitizers" guest/agent
    test_step "fuzzers, 3 s each" fuzz marked timeout --kill-after=5 600 scripts/fuzz.sh 3
    test_vitest unit
fi
if [ "$which" = all ]; then
    title "one virtual machine with KVM"
    await_kvm
fi
if wanted integration; then
    title "integration tests"
    test_vitest integration
fi
if wanted vm; then
    title "tests in virtual machines"
    test_vitest vm
fi
if [ "$which" = kvm ]; then
    title "tests in virtual machines with KVM"
    start_kvm
    await_kvm
fi
if [ "$which" = soak ]; then
    title "soak tests in virtual machines"
    SUITE_TIMEOUT_S=7200 test_vitest soak
fi
if [ "$which" = real ]; then
    title "under the programs that people use"
    test_step "root file system with programs" programs-root programs_root
    SUITE_TIMEOUT_S=9000 test_vitest real
fi
if [ "$which" = distros ]; then
    for id in ${NK_DISTROS:-$DISTROS}; do test_distro "$id"; done
fi
title "afterwards"
test_step "nothing is left behind" leftovers nothing_left

finished=yes
[ "$FAILED" = 0 ]
