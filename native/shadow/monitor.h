#ifndef NK_MONITOR_H
#define NK_MONITOR_H

#include "plan.h"

/* Starts the monitor of the plan: session of its own, the connection to the shadow as descriptor 3, the
 * report pipe as 4, nothing as input and the log as output, NK_SHADOW_PID in its environment. <0: see
 * fail_text(). */
int monitor_start(const struct plan *plan, int connection, pid_t shadow);

#endif
