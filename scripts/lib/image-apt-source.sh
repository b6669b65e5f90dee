# Source packages without touching the machine's apt configuration. Sourced after image-common.sh.
# shellcheck shell=bash

# source_lines: the machine's own binary sources as `deb-src` lines, from one-line *.list and deb822 *.sources files.
source_lines() {
    local file
    for file in "${NK_APT_ETC:-/etc/apt}"/sources.list "${NK_APT_ETC:-/etc/apt}"/sources.list.d/*.list; do
        [ -f "$file" ] && sed -nE 's/^[[:space:]]*deb[[:space:]]+/deb-src /p' "$file"
    done
    for file in "${NK_APT_ETC:-/etc/apt}"/sources.list.d/*.sources; do
        [ -f "$file" ] && deb822_lines "$file"
    done
    return 0
}

# A stanza of a *.sources file becomes one line for each pair of URI and suite. Fields may continue on indented lines;
# a key may be embedded in Signed-By, which a one-line source cannot say: then apt's own keys must do.
deb822_lines() {
    awk '
        function flush(   i, j, us, ss, nu, ns, option) {
            if (f["types"] ~ /(^| )deb( |$)/ && tolower(trim(f["enabled"])) != "no") {
                nu = split(f["uris"], us, " "); ns = split(f["suites"], ss, " ")
                option = f["signed-by"] ~ /^ *\// ? "[signed-by=" trim(f["signed-by"]) "] " : ""
                for (i = 1; i <= nu; i++) for (j = 1; j <= ns; j++)
                    print "deb-src " option us[i] " " ss[j] " " trim(f["components"])
            }
            delete f; key = ""
        }
        function trim(s) { gsub(/^ +| +$/, "", s); return s }
        /^#/ { next }
        /^[[:space:]]*$/ { flush(); next }
        /^[[:space:]]/ { f[key] = f[key] " " $0; next }
        { key = tolower(substr($0, 1, index($0, ":") - 1)); f[key] = substr($0, index($0, ":") + 1); gsub(/[ \t]+/, " ", f[key]) }
        END { flush() }
    ' "$1"
}

# fetch_source PACKAGE FOLDER: unpacks the source package (with the distribution's patches) as FOLDER; works beside it.
fetch_source() {
    local package=$1 target=$2 apt
    apt=$(mktemp -d "$(dirname "$target")/apt.XXXXXX")
    mkdir -p "$apt/lists/partial" "$apt/parts"
    source_lines >"$apt/sources.list"
    [ -s "$apt/sources.list" ] || die "no package sources found in ${NK_APT_ETC:-/etc/apt}"
    local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts"
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
        -o APT::Sandbox::User=root -o Acquire::Languages=none)
    local log=$NK_LOGS/source-$package.log
    : >"$log"
    run_logged "read the lists of source packages" "$log" apt-get "${options[@]}" update
    (cd "$apt" && run_logged "download the source of $package" "$log" apt-get "${options[@]}" source --download-only "$package")
    rm -rf "$target"
    run_logged "unpack it" "$log" dpkg-source --no-check -x "$apt"/*.dsc "$target"
    rm -rf "$apt"
}
