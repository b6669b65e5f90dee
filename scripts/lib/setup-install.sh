# Copying the build to the system and taking it off again, by a manifest of files. Sourced by install.sh, which sets PREFIX.
# shellcheck shell=bash

# Where nk-runtime looks for the guest image when there is none beside its bundle.
IMAGE_DIR=/var/lib/nano-sandbox/vm

manifest() { printf '%s/lib/nano-sandbox/manifest' "$PREFIX"; }

install_all() {
    local list
    list=$(mktemp)
    {
        put_bundles &&
            put build/bin/nk-shadow "$PREFIX/lib/nano-sandbox/bin/nk-shadow" 0755 &&
            put bin/nk-runtime "$PREFIX/bin/nk-runtime" 0755 &&
            put_link nk-runtime "$PREFIX/bin/nk-runtime-vm" &&
            put_link "$NK_NODE" "$PREFIX/lib/nano-sandbox/node" &&
            put_tree build/image/kernels "$IMAGE_DIR/kernels" &&
            put_tree build/image/rootfs "$IMAGE_DIR/rootfs" &&
            put_example keepalive "$PREFIX/share/nano-sandbox/bundle" &&
            put_example hello "$PREFIX/share/nano-sandbox/hello"
    } >"$list" || return 1
    # Files of an earlier version that this one does not have.
    if [ -f "$(manifest)" ]; then
        grep -vxFf "$list" "$(manifest)" | remove_listed
    fi
    put "$list" "$(manifest)" 0644 >/dev/null
    rm -f "$list"
}

put_bundles() {
    local file
    for file in nk-runtime.cjs nk-cli.cjs nk-cli.cjs.cache nk-monitor.cjs nk-monitor.cjs.cache; do
        put "build/$file" "$PREFIX/lib/nano-sandbox/$file" 0644 || return 1
    done
    # Not there where no VM could be started.
    file=nk-cli.cjs.long.cache
    [ ! -f "build/$file" ] || put "build/$file" "$PREFIX/lib/nano-sandbox/$file" 0644
}

uninstall_all() {
    [ -f "$(manifest)" ] || die "nothing is installed below $PREFIX: there is no $(manifest)"
    remove_listed <"$(manifest)"
    rm -f "$(manifest)"
    # Kernels and archives that nk-runtime prepared while it ran.
    rm -rf "$IMAGE_DIR/cache"
    # Folders of ours, when nothing else is in them. Those of the prefix itself (bin, lib, share) stay.
    rmdir "$PREFIX"/lib/nano-sandbox/bin "$PREFIX"/lib/nano-sandbox "$PREFIX"/share/nano-sandbox \
        "$IMAGE_DIR" "${IMAGE_DIR%/*}" 2>/dev/null || true
    say "Removed from $PREFIX and $IMAGE_DIR."
}

# put FILE TARGET MODE: copies beside the target and renames, so that a running program keeps its file; prints the target.
put() {
    mkdir -p "$(dirname "$2")" && install -m "$3" "$1" "$2.new.$$" && mv -f "$2.new.$$" "$2" && printf '%s\n' "$2"
}

# put_link TARGET LINK: nk-runtime-vm, and the node that the launcher starts; prints the link.
put_link() {
    ln -sfn "$1" "$2" && printf '%s\n' "$2"
}

# put_tree FOLDER TARGET: files and symbolic links, one by one, so that what else is in the target stays.
put_tree() {
    local source target
    while IFS= read -r source; do
        target=$2/${source#"$1"/}
        mkdir -p "$(dirname "$target")" || return 1
        cp -a --no-preserve=ownership --sparse=always "$source" "$target.new.$$" || return 1
        mv -fT "$target.new.$$" "$target" || return 1
        printf '%s\n' "$target"
    done < <(find "$1" \( -type f -o -type l \) | sort)
    printf '%s\n' "$2"
}

put_example() {
    examples/make-bundle.sh "$1" "$2"
}

# Removes the paths on standard input: files, links, example bundles; folders of the image only once they are empty.
remove_listed() {
    local path folders=()
    while IFS= read -r path; do
        case $path in
            "$PREFIX"/share/nano-sandbox/?*) rm -rf "$path" ;;
            *) if [ -d "$path" ] && [ ! -L "$path" ]; then folders+=("$path"); else rm -f "$path"; fi ;;
        esac
    done
    for path in "${folders[@]}"; do find "$path" -depth -type d -empty -delete; done
}
