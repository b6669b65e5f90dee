/* nk-shadow detach: takes a container's tree off that of the VM it was in. */
#include "commands.h"
#include "common/cleanup.h"
#include "common/fail.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>

int detach_command(const char *shadow, const char *folder) {
    cleanup_close int ns = tree_open_ns((pid_t)strtol(shadow, NULL, 10));

    if (ns >= 0 && tree_detach(ns, folder) == 0)
        return 0;
    fprintf(stderr, "nk-shadow: %s\n", fail_text());
    return 1;
}
