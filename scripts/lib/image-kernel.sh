# Guest kernels: our own build. Sourced by build-kernel.sh after image-common.sh.
# shellcheck shell=bash

KERNEL_FRAGMENT=guest/kernel/nano-sandbox.config
KERNEL_JOBS=${NK_JOBS:-$(nproc)}

build_own_kernel() {
    local version key kept
    version=$(version_of linux-source)
    key=$(find guest/kernel -name "*.patch" -o -name "*.config" | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-12)
    kept=$NK_CACHE/kernel/$version-$key
    if [ ! -f "$kept/vmlinux" ]; then
        need_packages "$KERNEL_PACKAGES"
        compile_kernel "$(depends_like linux-source '^linux-source-[0-9]')" "$version" "$kept"
    fi
    install_own_kernel "$kept"
}

compile_kernel() {
    local package=$1 version=$2 kept=$3 tree started=$SECONDS
    tree=$(unpack_kernel_source "$package" "$version")
    mkdir -p "$kept"
    : >"$kept/build.log"
    configure_kernel "$tree" "$kept/build.log"
    compile_with_progress "$tree" "$kept/build.log"
    strip -o "$kept/vmlinux.new" "$tree/vmlinux"
    cp "$tree/.config" "$kept/config"
    cp "$tree/System.map" "$kept/System.map"
    make -s -C "$tree" kernelrelease >"$kept/release"
    mv "$kept/vmlinux.new" "$kept/vmlinux"
    rm -rf "$tree"
    say "built $(cat "$kept/release") in $((SECONDS - started)) s"
}

# Prints the folder of a fresh source tree. Debian and Ubuntu put the archive in different folders of /usr/src.
unpack_kernel_source() {
    local package=$1 version=$2 archive tree=$NK_CACHE/kernel/tree
    archive=$NK_CACHE/kernel/$package-$version.tar
    if [ ! -f "$archive" ]; then
        rm -rf "$NK_CACHE/kernel/deb"
        fetch_deb "$package" "$NK_CACHE/kernel/deb"
        mv "$(find "$NK_CACHE/kernel/deb/usr/src" -name 'linux-source-*.tar.*' -type f | head -n 1)" "$archive"
        rm -rf "$NK_CACHE/kernel/deb"
    fi
    rm -rf "$tree"
    mkdir -p "$tree"
    run_logged "unpack it" "$NK_LOGS/kernel-source.log" tar -xf "$archive" -C "$tree" --strip-components=1
    for patch in "$NK_ROOT"/guest/kernel/*.patch; do
        [ -f "$patch" ] || continue
        # Ubuntu's source may have other lines there; a patch only saves time.
        patch -s -f --dry-run -p1 -d "$tree" <"$patch" >/dev/null || { say "${patch##*/} does not fit this kernel: left out"; continue; }
        patch -s -p1 -d "$tree" <"$patch"
    done
    printf '%s\n' "$tree"
}

configure_kernel() {
    local tree=$1 log=$2 fragment=$1/nk.fragment
    # The kernel's own tools know no comment behind a value.
    sed -E '/^CONFIG_/s/[[:space:]]+#.*//; /is not set/s/(is not set).*/\1/' "$KERNEL_FRAGMENT" >"$fragment"
    (cd "$tree" && KCONFIG_ALLCONFIG=nk.fragment run_logged "configure it with $KERNEL_FRAGMENT" "$log" make allnoconfig)
    check_config "$fragment" "$tree"
}

# Every option of the fragment must have survived the kernel's dependency rules.
check_config() {
    local fragment=$1 tree=$2 line name lost=""
    while IFS= read -r line; do
        case $line in
            "# CONFIG_"*" is not set") name=${line#\# }; name=${name% is not set}
                grep -q "^$name=" "$tree/.config" && lost="$lost $name(must be off)" ;;
            CONFIG_*) grep -qxF "$line" "$tree/.config" && continue
                name=${line%%=*}
                if known_symbol "$tree" "${name#CONFIG_}"; then lost="$lost $line"; else say "this kernel has no $name"; fi ;;
        esac
    done <"$fragment"
    [ -z "$lost" ] || die "these options did not survive (a dependency is missing):$lost"
}

known_symbol() { grep -rqE "^(menu)?config $2\$" "$1" --include='Kconfig*'; }

# One line that moves: the number of compiled files against the number that such a kernel has.
compile_with_progress() {
    local tree=$1 log=$2 expected=1500 count=0 line started=$SECONDS
    say "compile with $KERNEL_JOBS jobs; log: $log"
    export KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=nano KBUILD_BUILD_HOST=sandbox
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in "  CC "* | "  AS "*) count=$((count + 1)) ;; *) continue ;; esac
        [ -t 2 ] && printf '\r%s: %d/~%d files, %d s' "${0##*/}" "$count" "$expected" $((SECONDS - started)) >&2
        [ -t 2 ] || [ $((count % 250)) -ne 0 ] || say "$count/~$expected files, $((SECONDS - started)) s"
    done < <(nice make -C "$tree" -j"$KERNEL_JOBS" vmlinux 2>&1)
    [ -t 2 ] && printf '\n' >&2
    [ -f "$tree/vmlinux" ] || { show_failure "$log" 20 >&2; die "the kernel did not compile; log: $log"; }
}

install_own_kernel() {
    local kept=$1 release
    release=$(cat "$kept/release")
    publish "$kept/vmlinux" "$NK_IMAGE/kernels/vmlinux-$release"
    ln -sfn "vmlinux-$release" "$NK_IMAGE/kernels/default"
    say "$NK_IMAGE/kernels/default -> vmlinux-$release"
}
