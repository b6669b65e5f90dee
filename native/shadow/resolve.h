/* Paths inside a rootfs that is not trusted: symbolic links and ".." never lead out of it. */
#ifndef NK_RESOLVE_H
#define NK_RESOLVE_H

#include <stdbool.h>

/* O_PATH descriptor of `dest` inside the tree of `root`; missing parts are made first (directories 0755, a
 * file 0644 unless `directory`). <0: see fail_text(). */
int resolve_mount_point(int root, const char *dest, bool directory);

#endif
