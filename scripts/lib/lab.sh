# The KVM lab: a virtual machine whose processor, emulated by QEMU, has AMD's SVM. Sourced by kvm-lab.sh after
# image-common.sh and image-distro.sh. What it starts dies with the script, also when that is killed outright.
# shellcheck shell=bash

LAB_CPUS=1 # a second one would only share the thread
LAB_MEMORY_MIB=3072 # taken as it is used; 80 % of it may be files
LAB_TB_SIZE_MIB=512 # translated code: that of the lab and that of its guests
SERVER_START_S=10
BOOT_S=60 # it takes 2 to 5
ICOUNT_TSC_KHZ=1000000 # with --icount the time-stamp counter is QEMU's virtual clock, in ns; the last tsc_early_khz counts
LAB_TIMEOUT_SCALE=4 # deadlines are made for machines that are some ten times as fast

# What the lab loads before it can mount the host's files, in the order in which they need each other. What a kernel has
# built in has no file.
LAB_BOOT_MODULES="virtio_ring virtio virtio_mmio virtio_console fuse virtiofs overlay"

# True when guests run with the KVM of this machine; `doctor` has tried it.
kvm_works() {
    bin/nk-runtime doctor --format=json |
        jq -e '.checks[] | select(.name == "acceleration") | .status == "ok"' >/dev/null
}

# open_lab: the folder of this run; nothing of it is left however the script ends.
open_lab() {
    remove_dead_labs
    LAB=/tmp/nk-lab.$$
    mkdir -m 700 "$LAB"
    [ ! -t 0 ] || terminal=$(stty -g)
    trap close_lab EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

close_lab() {
    stop_machine
    [ -z "${terminal:-}" ] || stty "$terminal" || true
    rm -rf "$LAB"
}

stop_machine() {
    # shellcheck disable=SC2046,SC2086 # lists of words; bash has something to say about each job that was killed
    { kill -KILL $(jobs -p) ${server_pid:-}; wait; } 2>/dev/null || true
    rm -f "$LAB"/{out,err,status}
}

# Folders of scripts that were killed outright.
remove_dead_labs() {
    local folder
    for folder in /tmp/nk-lab.*; do
        [ ! -d "$folder" ] || [ -d "/proc/${folder##*.}" ] || rm -rf "$folder"
    done
}

# write_job FOLDER [COMMAND…]: the initramfs, with what is to be done in it. No command: a shell.
write_job() {
    local shell=""
    [ $# -gt 1 ] || shell=yes
    find_lab_kernel
    mkdir -p build/logs
    write_command "$@" >"$LAB/command"
    printf '%s=%q\n' LAB_LOGS "$NK_ROOT/build/logs" LAB_MODULES "$lab_modules" LAB_SHELL "$shell" \
        LAB_SYSTEMD "$LAB_SYSTEMD" >"$LAB/settings"
    write_list >"$LAB/list"
    image_tool cpio "$LAB/initrd" "$LAB/list" BUSYBOX="$(command -v busybox)" INIT=guest/lab/init \
        START=guest/lab/start COMMAND="$LAB/command" SETTINGS="$LAB/settings"
}

# The distribution's kernel: its modules bring KVM and vhost, which ours has not, and nothing is compiled.
find_lab_kernel() {
    local release_file kept
    release_file=$(printf '%s\n' "$NK_CACHE/distro-kernel/$(distro_meta_package)"-*/release | sort -V | tail -n 1)
    [ -f "$release_file" ] || die "there is no kernel for the lab: scripts/build-kernel.sh --distro"
    kept=${release_file%/*}
    lab_release=$(cat "$release_file")
    lab_kernel=$kept/boot/vmlinuz-$lab_release
    lab_modules=$kept/lib/modules/$lab_release
    find "$lab_modules" -name 'kvm-amd.ko*' | grep -q . || die "the kernel $lab_release has no kvm-amd: the lab cannot use it"
}

# write_command FOLDER [COMMAND…]: a script for bash, with what it needs of the caller's environment.
write_command() {
    local folder=$1 names
    shift
    names=$(compgen -e | grep -xE 'PATH|HOME|LANG|TERM|TMPDIR|CI|NO_COLOR|NK_.*') || true
    # shellcheck disable=SC2086 # a list of words
    declare -p $names
    printf 'export NK_TIMEOUT_SCALE=%s\n' "${NK_TIMEOUT_SCALE:-$LAB_TIMEOUT_SCALE}"
    printf 'cd %q || exit 127\n' "$folder"
    if [ $# -gt 0 ]; then
        printf 'exec'
        printf ' %q' "$@"
        printf '\n'
    else
        # Without ~/.bashrc: what people have in it may take many seconds here.
        printf "stty %s\nPS1='kvm-lab:\\w# ' exec bash --norc -i\n" "$(stty size | sed 's/ / cols /; s/^/rows /')"
    fi
}

write_list() {
    local module path position=10 modules=$NK_IMAGE/kernels/modules-$lab_release
    [ -d "$modules" ] || die "$modules is missing: scripts/build-kernel.sh --distro"
    cat guest/lab/initramfs.list
    for module in $LAB_BOOT_MODULES; do
        path=$(find "$modules" -name "$module.ko")
        [ -z "$path" ] || printf 'file /modules/%d-%s.ko %s 0644\n' "$((position += 1))" "$module" "$path"
    done
}

# The server of the host's files, in a mount namespace of its own.
start_server() {
    local line log=$LAB/server.log
    exec {server_output}< <(exec setpriv --pdeathsig KILL unshare --mount \
        bash scripts/lib/lab-server.sh "$LAB" "$NK_ROOT/build/logs" 2>&1)
    server_pid=$!
    while read -r -t "$SERVER_START_S" -u "$server_output" line; do
        printf '%s\n' "$line" >>"$log"
        case $line in *"Waiting for vhost-user socket connection"*) cat <&"$server_output" >>"$log" & return ;; esac
    done
    cat "$log" >&2
    die "the server of the host's files did not come up within $SERVER_START_S s"
}

start_machine() {
    local cmdline memory="memory-backend-memfd,id=mem,size=${LAB_MEMORY_MIB}M,share=on" port=0 name
    cmdline=$(image_tool cmdline)
    [ "$LAB_SYSTEMD" != v1 ] || cmdline="${cmdline/cgroup_no_v1=all/} systemd.unified_cgroup_hierarchy=0"
    local clock=()
    if [ -n "$LAB_ICOUNT" ]; then
        clock=(-icount shift=1) # an instruction takes 2^1 ns
        # highres=off: with a timer of the lab due while a guest handles an interrupt that KVM has just put in (VMRUN with EVENTINJ),
        # QEMU (7.2) delivers that interrupt twice; the guest then waits for a lock that it holds itself. Timers that are due at the
        # lab's ticks alone are some milliseconds away then.
        cmdline+=" tsc_early_khz=$ICOUNT_TSC_KHZ highres=off"
    fi
    local devices=(-device virtio-serial-device -device virtio-rng-device)
    devices+=(-chardev "socket,id=host,path=$LAB/host.sock" -device "vhost-user-fs-device,chardev=host,tag=host")
    if grep -qx LAB_SHELL=yes "$LAB/settings"; then
        devices+=(-chardev "stdio,id=shell,signal=off" -device "virtconsole,chardev=shell,nr=0")
    fi
    mkfifo "$LAB/out" "$LAB/err" "$LAB/status"
    exec {status}<>"$LAB/status"
    { cat "$LAB/out"; echo ended >"$LAB/status"; } & readers=$!
    cat "$LAB/err" >&2 & readers+=" $!"
    for name in out err status; do
        devices+=(-chardev "file,id=$name,path=$LAB/$name" -device "virtserialport,chardev=$name,nr=$((port += 1))")
    done
    # single: with a thread for each of two CPUs (QEMU 7.2) one of them at times never wakes again from its halt, with interrupts
    # that wait in its APIC, or a guest of the lab restarts for no reason.
    setpriv --pdeathsig KILL qemu-system-x86_64 -M microvm,acpi=on,rtc=on,isa-serial=on,pit=off,pic=off,memory-backend=mem \
        -accel "tcg,thread=single,tb-size=$LAB_TB_SIZE_MIB" -cpu EPYC,+svm,+npt -smp "$LAB_CPUS" "${clock[@]}" \
        -m "$LAB_MEMORY_MIB" -object "$memory" -nodefaults -no-user-config -nographic -no-reboot \
        -kernel "$lab_kernel" -initrd "$LAB/initrd" -append "$cmdline" -serial "file:$LAB/console.log" \
        -global virtio-mmio.force-legacy=false "${devices[@]}" <&0 2>"$LAB/qemu.log" &
    machine_pid=$!
}

# True when the lab has come up; false when it hangs: on a busy host the distribution's kernel sometimes does so before its
# first line (seen once in some forty boots).
await_boot() {
    local word=""
    read -r -t "$BOOT_S" -u "$status" word || return 1
    [ "$word" = up ] || explain_end
}

# Ends the script with the command's exit status.
await_command() {
    local word
    read -r -u "$status" word
    # shellcheck disable=SC2086 # a list of words
    wait "$machine_pid" $readers || true
    [ "$word" != ended ] || explain_end
    exit "$word"
}

explain_end() {
    tail -n 5 "$LAB/qemu.log" >&2
    tail -n 20 "$LAB/console.log" >&2
    die "the lab ended before its command did; above are the last lines of QEMU and of its console"
}
