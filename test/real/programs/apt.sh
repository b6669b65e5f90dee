#!/usr/bin/env bash
# apt with dpkg: an archive of the container's own, its index, installation, reconfiguration, removal.
set -euo pipefail
echo "deb [trusted=yes] file:/srv/debs ./" >/etc/apt/sources.list
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install -y jq
echo '{"a": [1, 2]}' | jq -e '.a | length == 2'
dpkg --verify jq libjq1
dpkg-reconfigure tzdata
apt-get -q purge -y jq
! command -v jq
