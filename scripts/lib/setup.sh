# Gets a fresh clone ready: what quickstart.sh, test.sh, bench.sh and install.sh have in common. Each step finds out by
# itself that there is nothing to do, so that a second run takes seconds and no network. Sourced after ui.sh and packages.sh.
# shellcheck shell=bash

. scripts/lib/node.sh

# Compiled kernels and downloads, outside of the clone: a second clone does not compile for minutes.
export NK_CACHE=${NK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nano-sandbox}

require_root() {
    [ "$(id -u)" = 0 ] || die "this needs root, for namespaces and packages: sudo $0"
    [ "$(uname -sm)" = "Linux x86_64" ] || die "Linux on x86_64 is needed, this is $(uname -sm)"
    command -v apt-get >/dev/null || die "Debian or Ubuntu is needed: the packages come from apt"
    trap at_exit EXIT
}

# What runs when the script ends, however it ends.
AT_EXIT=(end_steps give_back)
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

# build/node: what the launcher starts, also where sudo's PATH has another one or none. build/bin/nk-runtime: the launcher beside
# the native part.
build_host_side() {
    node scripts/build-bundle.mjs && make -j"$(nproc)" -C native && ln -sfn "$NK_NODE" build/node && ln -sfn ../../bin/nk-runtime build/bin/nk-runtime
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

# The static one is kept in the cache. Its path, or that of the distribution's where it cannot be built, is for the step after.
CRUN_PATH=build/stamps/crun-path
guest_crun() {
    unless_done crun "$CRUN_PATH" "scripts/build-crun.sh scripts/lib/image-*.sh guest/crun/*" find_crun
}
find_crun() {
    local path
    path=$(cached_build crun scripts/build-crun.sh) || return 1
    mkdir -p "${CRUN_PATH%/*}" && printf '%s\n' "$path" >"$CRUN_PATH"
}

initramfs() {
    unless_done rootfs build/image/rootfs/initramfs.cpio "$IMAGE_INPUTS build/guest/nk-agent $(cat "$CRUN_PATH") $(command -v runc)" \
        env NK_CRUN="$(cat "$CRUN_PATH")" scripts/build-rootfs.sh
}

example_bundle() {
    unless_done example build/example-bundle/config.json "examples/make-bundle.sh examples/hello/config.json examples/hello/files/bin/*" \
        examples/make-bundle.sh hello build/example-bundle
}

# What V8 compiles for a container in a VM, kept for those to come: a tenth of a start. Where no VM can be started less is kept.
code_cache() {
    unless_done code-cache build/nk-cli.cjs.long.cache build/stamps/bundles compile_for_containers
}
# In a shell of its own, so that no VM stays when setup is ended.
compile_for_containers() (
    root=$(mktemp -d /run/nk-compile-XXXXXX) || exit 1
    trap 'compiling "$root" delete --force "${root##*/}"; rm -rf "$root"' EXIT
    first_commands "$root" || echo "a command has failed: what the ones after it compile is not kept"
)
compiling() { node build/nk-compile.cjs --root "$1/state" "${@:2}"; }
# Ids of its own: somebody may have a container of any other, whose cgroups it would meet.
first_commands() {
    local id=${1##*/}
    examples/make-bundle.sh keepalive "$1/bundle" &&
        compiling "$1" run -d --mode=vm --bundle="$1/bundle" "$id" &&
        compiling "$1" exec "$id" true &&
        compiling "$1" state "$id" &&
        compiling "$1" kill "$id" KILL &&
        compiling "$1" delete --force "$id" &&
        compiling "$1" run --mode=vm --bundle=build/example-bundle "$id"
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
    start_step crun guest_crun
    step "nk-runtime and nk-shadow" build-host build_host_side
    step "guest agent" build-agent make -j"$(nproc)" -C guest/agent
    step "guest kernel of the distribution" kernel-distro distro_kernel
    await_step "static crun for the guest" crun
    case $(cat "$CRUN_PATH") in
        "$NK_CACHE"/*) ;;
        *) say "    could not be built ($NK_LOGS/crun.log): guests get the distribution's, which costs 6 MiB of each one's memory and, in
    software, 100 ms at each start of a container" ;;
    esac
    step "guest image (initramfs)" rootfs initramfs
    step "example bundle" example example_bundle
    step "what V8 compiles for a container" code-cache code_cache
}
