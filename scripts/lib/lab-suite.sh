#!/usr/bin/env bash
# lab-suite.sh COMMAND…: runs tests inside the lab, and looks there for what they left behind.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/ui.sh
. scripts/lib/setup-tests.sh

AT_EXIT=()
begin_tests
status=0
marked "$@" || status=$?
if ! nothing_left; then
    say "the above was left behind in the lab"
    status=1
fi
end_tests
exit "$status"
