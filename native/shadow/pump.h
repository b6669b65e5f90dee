/* The life of a shadow: signals out, streams both ways, until the monitor says how the process ended. */
#ifndef NK_PUMP_H
#define NK_PUMP_H

#include "launch.h"

#include <stdbool.h>

struct pump_ends {
    int monitor; /* the connection */
    int tty;     /* the descriptor whose size is passed on, or -1 */
    /* Others may hold the process's output when it has ended. A copy of this process then stays and writes
     * what they still say. */
    bool leaves_children;
    const struct caller *caller; /* its launcher's death hangs the terminal up */
};

/* Uses descriptors 0, 1 and 2. Returns the exit status: the container's, or 137 when the monitor ended
 * without saying. */
int pump_run(const struct pump_ends *ends);

#endif
