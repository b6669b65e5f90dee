# The tests on KVM: on this machine where its KVM works, else in the lab. Sourced by test.sh after setup-tests.sh.
# shellcheck shell=bash

. scripts/lib/lab.sh

# start_kvm [ARG]…: begins all of them in the background, or what the arguments of vitest choose; in the lab they need one core.
# await_kvm says where they ran, waits and counts.
start_kvm() {
    local SUITE_IN=()
    KVM_IN_USE="the KVM of this machine"
    if ! kvm_works; then
        SUITE_IN=(scripts/kvm-lab.sh scripts/lib/lab-suite.sh)
        KVM_IN_USE="nested KVM (emulated SVM)"
        # Its own scale holds inside of it: the suite around it gets as much.
        local NK_TIMEOUT_SCALE=${NK_TIMEOUT_SCALE:-$LAB_TIMEOUT_SCALE}
    fi
    start_vitest kvm "$@"
}
await_kvm() {
    local firecracker=${NK_FIRECRACKER:-$(command -v firecracker)}
    say "    QEMU $(qemu-system-x86_64 --version | sed -nE 's/.*version ([0-9.]+).*/\1/p') with $KVM_IN_USE"
    if [ -n "$firecracker" ]; then
        say "    $("$firecracker" --version | head -n 1) with $KVM_IN_USE"
    else
        say "    Firecracker: not run, no binary: set NK_FIRECRACKER"
    fi
    await_vitest kvm
    [ ! -f "$NK_LOGS/vitest-kvm.json" ] || node scripts/lib/show-parts.mjs "$NK_LOGS/vitest-kvm.json"
}
