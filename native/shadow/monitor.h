#ifndef NK_MONITOR_H
#define NK_MONITOR_H

#include "plan.h"

/* A monitor on its way. */
struct monitor {
    int go;   /* a byte lets it become its program, the end makes it end */
    int tree; /* a byte for each daemon that waits for the holder's tree */
    int status;
};

/*
 * Starts the monitor of the plan: session of its own, the connection to the shadow as descriptor 3, the
 * report pipe as 4, nothing as input and the log as output, NK_SHADOW_PID in its environment. Its daemons are
 * started at once, while the holder prepares itself; those that need its tree wait for monitor_tree_ready,
 * and the monitor's own program for monitor_go, which returns when it runs. All <0: see fail_text().
 */
int monitor_start(struct monitor *monitor, const struct plan *plan, int connection, pid_t shadow);
int monitor_tree_ready(const struct monitor *monitor, const struct plan *plan);
int monitor_go(struct monitor *monitor, const struct plan *plan);

#endif
