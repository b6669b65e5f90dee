#!/usr/bin/env bash
# Two processes write to one database in WAL mode by transactions of their own, one of them of an exec (sqlite-writer.sh 2). Ends when told that
# both are done, by a fifo in a tmpfs: not every share has fifos.
set -euo pipefail
db=/var/lib/programs.db
mkfifo /told/written && exec 3<>/told/written
sqlite3 $db "PRAGMA journal_mode=WAL; CREATE TABLE t(writer INT, n INT, PRIMARY KEY(writer, n));"
echo ready
bash /programs/sqlite-writer.sh 1
read -r -t 300 _ <&3
[ "$(sqlite3 $db 'SELECT count(*) FROM t; PRAGMA integrity_check')" = $'200\nok' ]
