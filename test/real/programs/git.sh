#!/usr/bin/env bash
# A repository over git's own protocol: clone, commits, push, gc, fsck.
set -euo pipefail
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
cd /srv/bzip2
git init -q -b main
git add -A
git commit -qm "all of it"
git clone -q --bare . /srv/git/bzip2.git
git daemon --base-path=/srv/git --export-all --enable=receive-pack --reuseaddr --listen=127.0.0.1 --detach --pid-file=/run/git.pid
git clone -q git://127.0.0.1/bzip2.git /srv/copy
cd /srv/copy
for n in $(seq 5); do
    echo "$n" >>README
    git commit -qam "change $n"
done
git push -q origin main
git -C /srv/git/bzip2.git gc -q --aggressive --prune=now
git -C /srv/git/bzip2.git fsck --strict
git gc -q
git fsck
[ "$(git -C /srv/git/bzip2.git rev-list --count main)" = 6 ]
git clone -q /srv/git/bzip2.git /srv/local
diff -r --exclude=.git /srv/copy /srv/local
