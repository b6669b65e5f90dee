# The distribution's cloud kernel as guest kernel: downloaded and unpacked, never installed, nothing compiled.
# Sourced by build-kernel.sh after image-common.sh.
# shellcheck shell=bash

fetch_distro_kernel() {
    local meta version kept
    need_packages "$MODULE_PACKAGES"
    meta=$(distro_meta_package)
    version=$(version_of "$meta")
    kept=$NK_CACHE/distro-kernel/$meta-$version
    [ -f "$kept/release" ] || download_distro_kernel "$meta" "$kept"
    install_distro_kernel "$(cat "$kept/release")" "$kept"
}

download_distro_kernel() {
    local meta=$1 kept=$2 package release
    package=$(depends_like "$meta" '^linux-image-[0-9]')
    [ -n "$package" ] || die "$meta depends on no kernel"
    release=${package#linux-image-}
    rm -rf "$kept"
    fetch_distro_packages "$package" "$release" "$kept"
    depmod -b "$kept" "$release"
    printf '%s\n' "$release" >"$kept/release"
}

distro_meta_package() {
    # shellcheck source=/dev/null
    case $(. /etc/os-release && echo "$ID ${ID_LIKE:-}") in
        *ubuntu*) echo linux-image-virtual ;;
        *) echo linux-image-cloud-amd64 ;;
    esac
}

# Debian has kernel and modules in one package; Ubuntu has the modules apart, rarer ones (9p) once more apart.
fetch_distro_packages() {
    local package=$1 release=$2 kept=$3 part
    fetch_deb "$package" "$kept"
    for part in "linux-modules-$release" "linux-modules-extra-$release"; do
        find "$kept" -name '9p.ko*' | grep -q . && break
        [ -z "$(candidate "$part")" ] || fetch_deb "$part" "$kept"
    done
    # depmod wants lib/modules, also where the package has usr/lib/modules.
    if [ -d "$kept/usr/lib/modules" ] && [ ! -e "$kept/lib" ]; then ln -s usr/lib "$kept/lib"; fi
}

install_distro_kernel() {
    local release=$1 kept=$2 kernels=$NK_IMAGE/kernels
    publish "$kept/boot/vmlinuz-$release" "$kernels/vmlinuz-$release"
    chmod 0644 "$kernels/vmlinuz-$release"
    # What the kernel can do and its modules do not tell: namespaces, cgroup controllers.
    [ ! -f "$kept/boot/config-$release" ] || publish "$kept/boot/config-$release" "$kernels/config-$release"
    image_tool copy-modules "$kept/lib/modules/$release" "$kernels/modules-$release"
    if [ ! -e "$kernels/default" ]; then ln -sfn "vmlinuz-$release" "$kernels/default"; fi
    say "$kernels/vmlinuz-$release and its modules"
}
