# Gets a fresh clone ready: what quickstart.sh, test.sh, bench.sh and install.sh have in common. Each step finds out by
# itself that there is nothing to do, so that a second run takes seconds and no network. Sourced after ui.sh and packages.sh.
# shellcheck shell=bash

# Compiled kernels and downloads, outside of the clone: a second clone does not compile for minutes.
export NK_CACHE=${NK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nano-sandbox}

require_root() {
    [ "$(id -u)" = 0 ] || die "this needs root, for namespaces and packages: sudo $0"
    [ "$(uname -sm)" = "Linux x86_64" ] || die "Linux on x86_64 is needed, this is $(uname -sm)"
    command -v apt-get >/dev/null || die "Debian or Ubuntu is needed: the packages come from apt"
    trap at_exit EXIT
}

# What runs when the script ends, however it ends.
AT_EXIT=(give_back)
at_exit() {
    local hook
    for hook in "${AT_EXIT[@]}"; do "$hook"; done
}

# With sudo, what npm and the compilers made belongs to the caller, not to root.
give_back() {
    [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" != 0 ] || return 0
    local path
    for path in "$NK_ROOT"/node_modules "$NK_ROOT"/build/{*.cjs,bin,native,guest,logs,bench}; do
        [ -e "$path" ] && chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$path"
    done
    return 0
}

# sudo resets PATH, so a node of the caller's own (nvm, fnm, volta) is looked for in the caller's login shell.
require_node() {
    local needed=20.19 found
    if ! node_is_new && [ -n "${SUDO_USER:-}" ]; then
        found=$(su - "$SUDO_USER" -c 'bash -ic "command -v node"' 2>/dev/null </dev/null | tail -n 1) || true
        [ -x "$found" ] && PATH=$(dirname "$found"):$PATH
    fi
    node_is_new || die "Node.js $needed or newer is needed, found $(node --version 2>/dev/null || echo none).
Get it from https://nodejs.org/en/download, or as a package from https://github.com/nodesource/distributions"
    command -v npm >/dev/null || die "npm is missing: it comes with Node.js, or apt-get install npm"
    # The launcher bin/nk-runtime starts the same one.
    NK_NODE=$(command -v node)
    export NK_NODE
}

node_is_new() {
    command -v node >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

# node_modules is as the lock file says when the stamp in it says so.
install_node_modules() {
    local want
    want=$(cat package-lock.json .npmrc | sha256sum)$(node --version)
    [ "$(cat node_modules/.nk-stamp 2>/dev/null)" = "$want" ] && return 0
    npm ci --no-audit --no-fund || return 1
    printf '%s\n' "$want" >node_modules/.nk-stamp
}

build_host_side() {
    node scripts/build-bundle.mjs && make -C native
}

# cached_build NAME COMMAND…: two clones share the cache, so one at a time builds a part.
cached_build() {
    mkdir -p "$NK_CACHE" && flock "$NK_CACHE/$1.lock" "${@:2}"
}

# unless_done NAME FILE "INPUTS" COMMAND…: skips the command when FILE is there and the inputs are those of the last time.
unless_done() {
    local stamp=$NK_ROOT/build/stamps/$1 file=$2 inputs=$3 now
    shift 3
    # shellcheck disable=SC2086 # a list of patterns
    now=$(cat $inputs 2>/dev/null | sha256sum)$(stat -c %Y /var/lib/apt/lists)
    if [ -e "$file" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then return 0; fi
    "$@" || return 1
    mkdir -p "${stamp%/*}" && printf '%s\n' "$now" >"$stamp"
}

IMAGE_INPUTS="scripts/build-*.sh scripts/lib/image-*.sh scripts/image-tool.ts src/image/*.ts guest/image/*"

distro_kernel() {
    unless_done kernel-distro build/image/kernels/default "$IMAGE_INPUTS" \
        cached_build kernel-distro scripts/build-kernel.sh --distro
}

# Kept in the cache; the initramfs is made of it.
static_crun() {
    unless_done crun build/image/rootfs/initramfs.cpio "scripts/build-crun.sh scripts/lib/image-*.sh" \
        cached_build crun scripts/build-crun.sh
}

initramfs() {
    unless_done rootfs build/image/rootfs/initramfs.cpio "$IMAGE_INPUTS build/guest/nk-agent $(command -v runc)" \
        scripts/build-rootfs.sh
}

example_bundle() {
    unless_done example build/example-bundle/config.json "examples/make-bundle.sh examples/hello/config.json examples/hello/files/bin/*" \
        examples/make-bundle.sh hello build/example-bundle
}

# setup_all: packages, node modules, everything built, the image on the distribution's kernel.
# $1: packages beside those to build and run.
setup_all() {
    cd "$NK_ROOT" || die "$NK_ROOT is gone"
    require_root
    require_node
    start_step npm-ci install_node_modules
    step "packages" packages install_packages "$RUN_PACKAGES $BUILD_PACKAGES $1"
    await_step "node modules (npm ci)" npm-ci
    start_step crun static_crun
    step "nk-runtime and nk-shadow" build-host build_host_side
    step "guest agent" build-agent make -C guest/agent
    step "guest kernel of the distribution" kernel-distro distro_kernel
    await_step "static crun for the guest" crun
    step "guest image (initramfs)" rootfs initramfs
}
