# Node.js and what npm brings. Sourced where `say` and `die` are.
# shellcheck shell=bash

NODE_NEEDED=20.19

# Finds a Node.js that is new enough, and has the launcher bin/nk-runtime start the same one. sudo resets PATH, so one of the
# caller's own (nvm, fnm, volta) is looked for in the caller's login shell.
require_node() {
    local found
    if ! node_is_new && [ -n "${SUDO_USER:-}" ]; then
        found=$(su - "$SUDO_USER" -c 'bash -ic "command -v node"' 2>/dev/null </dev/null | tail -n 1) || true
        [ -x "$found" ] && PATH=$(dirname "$found"):$PATH
    fi
    node_is_new || die "$(node_advice)"
    command -v npm >/dev/null || die "npm is missing: it comes with Node.js, or apt-get install npm"
    NK_NODE=$(command -v node)
    export NK_NODE
}

node_is_new() {
    command -v node >/dev/null && node -e '
        const [needed, found] = [process.argv[1], process.versions.node].map((text) => text.split(".").map(Number));
        process.exit(found[0] > needed[0] || (found[0] === needed[0] && found[1] >= needed[1]) ? 0 : 1)' "$NODE_NEEDED"
}

node_advice() {
    local version
    version=$(node --version 2>/dev/null) || version=none
    say "Node.js $NODE_NEEDED or newer is needed, found $version in $PATH"
    # shellcheck disable=SC2016 # for the reader's shell
    [ -z "${SUDO_USER:-}" ] || say "sudo hides what only your own PATH has (nvm, fnm, /opt). If \`node --version\` without sudo prints a newer one:
  "'sudo env PATH="$PATH" '"$0"
    say "To get one:"
    # shellcheck source=/dev/null
    if [ "$(. /etc/os-release && echo "$ID$VERSION_ID")" = debian13 ]; then
        say "  apt-get install nodejs npm"
    else
        say "  a package from https://github.com/nodesource/distributions, or https://nodejs.org/en/download (README.md, \"Node.js\")"
    fi
}

# node_modules is as the lock file says when the stamp in it says so.
install_node_modules() {
    local want
    want=$(cat package-lock.json .npmrc | sha256sum)$(node --version)
    [ "$(cat node_modules/.nk-stamp 2>/dev/null)" = "$want" ] && return 0
    npm ci --no-audit --no-fund || return 1
    printf '%s\n' "$want" >node_modules/.nk-stamp
}
