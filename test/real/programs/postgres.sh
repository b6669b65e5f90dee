#!/usr/bin/env bash
# PostgreSQL's own regression tests: the first 90 of its parallel schedule, up to 20 at a time. The whole takes an hour in a busy VM without KVM.
set -euo pipefail
cd /srv/regress
bin=$(pg_config --bindir)
out=/srv/out
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
mkdir $out
chown -R postgres $out /srv/src/postgresql-15-*/src/test/regress
sed '/^test: sanity_check/q' parallel_schedule >$out/schedule
as "$bin/initdb" -D $out/data -A trust --no-locale -E UTF8 >$out/initdb.log
# Without fsync, as its own `make check`.
as "$bin/pg_ctl" -D $out/data -w -t 300 -l $out/server.log -o "-F -k /tmp" start
as "$(pg_config --pkglibdir)/pgxs/src/test/regress/pg_regress" --inputdir=. --outputdir=$out --dlpath=/srv/regress --bindir="$bin" \
    --host=/tmp --max-connections=20 --no-locale --schedule=$out/schedule || { head -c 20000 $out/regression.diffs; exit 1; }
as "$bin/pg_ctl" -D $out/data -w -t 300 -m fast stop
