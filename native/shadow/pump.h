/* The life of a shadow: signals out, streams both ways, until the monitor says how the process ended. */
#ifndef NK_PUMP_H
#define NK_PUMP_H

#include <stdbool.h>

/* `monitor`: the connection; `tty`: the descriptor whose size is passed on, or -1. Uses descriptors 0, 1
 * and 2. Returns the exit status: the container's, or 137 when the monitor ended without saying.
 * `leaves_children`: others may hold the process's output when it has ended. A copy of this process then
 * stays and writes what they still say. */
int pump_run(int monitor, int tty, bool leaves_children);

#endif
