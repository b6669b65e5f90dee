#!/usr/bin/env bash
# nginx under load: no request is lost or refused, by new connections and by kept ones, small and large files.
set -euo pipefail
dd if=/dev/urandom of=/var/www/html/large bs=1M count=4 status=none
nginx
check() { ab -q "$@" >/tmp/ab && cat /tmp/ab && grep -Eq "^Failed requests: +0$" /tmp/ab && ! grep -q "Non-2xx" /tmp/ab; }
check -n 500 -c 50 http://127.0.0.1/
check -n 1000 -c 50 -k http://127.0.0.1/
check -n 20 -c 5 http://127.0.0.1/large
nginx -s quit
