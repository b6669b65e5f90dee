/* nk-shadow xattrs: finds a file system without extended attributes, which node cannot. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

/* Prints the first of the paths whose file system has none. 1: there is one. What cannot be looked at is
 * passed over. */
int xattrs_command(int count, char **paths) {
    for (int i = 0; i < count; i++) {
        if (llistxattr(paths[i], NULL, 0) < 0 && errno == EOPNOTSUPP) {
            puts(paths[i]);
            return 1;
        }
    }
    return 0;
}
