#!/usr/bin/env bash
# A source package of Debian, compiled by two at a time, and its own tests.
set -euo pipefail
cd /srv/bzip2
make -j2 libbz2.a bzip2 bzip2recover CFLAGS="-O1 -D_FILE_OFFSET_BITS=64"
make test CFLAGS="-O1 -D_FILE_OFFSET_BITS=64"
