/* nk-shadow fifo: makes named pipes, which node cannot. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int fifo_command(int count, char **paths) {
    for (int i = 0; i < count; i++) {
        if (mkfifo(paths[i], 0600) < 0) {
            fprintf(stderr, "nk-shadow fifo: %s: %s\n", paths[i], strerror(errno));
            return 1;
        }
    }
    return 0;
}
