# The tests on KVM: on this machine where its KVM works, else in the lab. Sourced by test.sh after setup-tests.sh.
# shellcheck shell=bash

. scripts/lib/lab.sh

# test_kvm [ARG]…: all of them, or what the arguments of vitest choose.
test_kvm() {
    local SUITE_IN=() kvm="the KVM of this machine"
    if ! kvm_works; then
        SUITE_IN=(scripts/kvm-lab.sh scripts/lib/lab-suite.sh)
        kvm="nested KVM (emulated SVM)"
        # Its own scale holds inside of it: the suite around it gets as much.
        local NK_TIMEOUT_SCALE=${NK_TIMEOUT_SCALE:-$LAB_TIMEOUT_SCALE}
    fi
    local firecracker=${NK_FIRECRACKER:-$(command -v firecracker)}
    say "    QEMU $(qemu-system-x86_64 --version | sed -nE 's/.*version ([0-9.]+).*/\1/p') with $kvm"
    if [ -n "$firecracker" ]; then
        say "    $("$firecracker" --version | head -n 1) with $kvm"
    else
        say "    Firecracker: not run, no binary: set NK_FIRECRACKER"
    fi
    test_vitest kvm "$@"
    [ ! -f "$NK_LOGS/vitest-kvm.json" ] || node scripts/lib/show-parts.mjs "$NK_LOGS/vitest-kvm.json"
}
