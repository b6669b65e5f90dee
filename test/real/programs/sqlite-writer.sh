#!/usr/bin/env bash
# Writes a hundred rows, each in a transaction that waits for others.
set -euo pipefail
for n in $(seq 100); do printf 'BEGIN IMMEDIATE; INSERT INTO t VALUES(%d,%d); COMMIT;\n' "$1" "$n"; done |
    sqlite3 -bail -cmd ".timeout 60000" /var/lib/programs.db
