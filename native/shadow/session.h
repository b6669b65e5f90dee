/* What a child does before it is a shadow, in create and exec alike. */
#ifndef NK_SESSION_H
#define NK_SESSION_H

#include "launch.h"
#include "plan.h"
#include "terminal.h"

/* Descriptors of the shadow: its connection to the monitor, and a terminal that is none of its standard
 * streams. */
enum { MONITOR_FD = 3, TTY_FD = 5 };

/* Moves this process into the cgroups of the plan. <0: see fail_text(). */
int session_join_cgroups(const struct plan *plan);

/*
 * The same, once for each process of a start: early in a launcher that goes at once, whose children inherit
 * it (a move between cgroups of version 1 takes up to 14 ms); late in the children of one that waits, which
 * stays out: whoever kills the cgroup must not keep it from restoring the caller's terminal.
 */
int session_join_early(const struct plan *plan);
int session_join_late(const struct plan *plan);

/* Starts a session of its own with the standard streams of the plan. Must run while /proc is the host's. */
int session_start(const struct plan *plan, const struct pty *pty);

/* The terminal whose size the shadow passes on; -1: none. */
int session_tty(const struct plan *plan);

/* The terminal whose size a process is to have from its first moment on; -1: none. */
int session_first_tty(const struct plan *plan, const struct pty *pty);

/* The caller's own terminal, if it is the process's too; -1: none. */
int session_inherited_tty(const struct plan *plan);

/* Finds the caller's terminal, while it is in its session. Where that will be raw: its caller's death ends
 * this process from here on, also before the terminal is. */
void session_watch_caller(const struct plan *plan);

/* For `wait`: stays until the shadow has ended. Returns the shadow's exit status. */
int session_wait(struct child *child);

#endif
