# The tests on other distributions, each in a fresh root of it. Sourced by test.sh after setup-tests.sh.
# shellcheck shell=bash

. scripts/lib/image-apt-source.sh
. scripts/lib/distro-root.sh

# Of one step in a root: that which compiles a kernel takes longest.
DISTRO_STEP_S=3600

setup_distros() {
    require_root
    require_node
    step "packages" packages install_packages "$1"
    NK_REGISTRY=$(npm config get registry)
    export NK_REGISTRY
}

test_distro() {
    local id=$1 name
    name=$(distro_name "$id")
    title "$name"
    if ! reached "$id" >"$NK_LOGS/$id-archive.log" 2>&1; then
        say "    skipped: its archive does not answer ($(distro_mirror "$id")); NK_DEBIAN_MIRROR, NK_UBUNTU_MIRROR name others"
        SKIPPED=$((SKIPPED + 1))
        return
    fi
    test_quickstart "$id" "$name"
    test_installation "$id" "$name"
}

# What a newcomer types first, and nothing before it.
test_quickstart() {
    local id=$1 name=$2
    distro_step "$name: root and Node.js for quickstart" "$id" root new_root "$id" quick || return 0
    typed_in "$id" quick "$name: quickstart" quickstart scripts/quickstart.sh || true
    remove_root "$id" quick
}

# The build scripts on a clone with nothing but node, as docs/vm-mode.md has them; then all that can be tried on what they made.
test_installation() {
    local id=$1 name=$2 script
    distro_step "$name: root and Node.js for the build scripts" "$id" root new_root "$id" typed || return 0
    for script in "$(kernel_script "$id")" build-rootfs.sh install.sh; do
        # shellcheck disable=SC2086 # a name and an option
        typed_in "$id" typed "$name: $script" "${script%%.*}" ./scripts/$script || { remove_root "$id" typed; return 0; }
    done
    typed_in "$id" typed "$name: packages of the tests" test-packages apt-get -qq install -y \
        --no-install-recommends "${DISTRO_TEST_PACKAGES[@]}"
    distro_vitest "$id" typed "$name"
    remove_root "$id" typed
}

# Ubuntu's kernel has every share. Debian's lacks 9p, so ours is compiled there, which takes longer than all the rest.
kernel_script() {
    case $1 in
        ubuntu-*) echo "build-kernel.sh --distro" ;;
        *) echo build-kernel.sh ;;
    esac
}

# For disk images.
DISTRO_TEST_PACKAGES=(e2fsprogs erofs-utils)

new_root() { make_base "$1" && fresh_root "$1" "$2" && install_node "$1" "$2" && install_usual "$1" "$2"; }

# distro_step NAME ID LOG COMMAND…: counted only when it fails.
distro_step() {
    run_step "$1" "$2-$3" "${@:4}" && return
    FAILED=$((FAILED + 1))
    return 1
}

# typed_in ID ROOT NAME LOG COMMAND…: one test; false when it fails.
typed_in() {
    local failed=$FAILED
    test_step "$3" "$1-$4" in_root "$1" "$2" timeout "$DISTRO_STEP_S" "${@:5}"
    [ "$FAILED" = "$failed" ]
}

# distro_vitest ID ROOT NAME: every test counts, by its name.
distro_vitest() {
    local id=$1 status=0 report=build/logs/vitest-distros.json
    NK_TAIL=80 PROGRESS_OF=files_done run_step "$3: vitest distros" "$id-vitest" in_root "$id" "$2" timeout "$DISTRO_STEP_S" \
        node_modules/.bin/vitest run --project distros --reporter=default --reporter=json --outputFile.json="$report" || status=1
    count "$status" "$(node scripts/lib/show-tests.mjs "$DISTRO_CACHE/$id/$2/root/nano-sandbox/$report" "$3" "$NK_LOGS/$id-tests")"
    cat "$NK_LOGS/$id-tests"
}
