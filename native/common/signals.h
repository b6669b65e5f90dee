/* Signals as data: all that a container can get are blocked and read from a descriptor. */
#ifndef NK_SIGNALS_H
#define NK_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the shadow takes this signal for the container. Faults stay our own; SIGWINCH is taken as a new
 * size. */
bool signals_forwarded(int signal);

/* Blocks the forwarded signals and ignores those that would stop or kill a shadow for nothing: PIPE, TTIN,
 * TTOU, and CHLD, so that orphans of a pid namespace are reaped by the kernel. */
void signals_block(void);

/* A signalfd for them, non-blocking. <0 with errno. */
int signals_open(void);

/* Everything as it is for a new program. */
void signals_reset(void);

/* This process is killed when the thread that made it ends. <0: `parent` has ended before that was known. */
int signals_die_with(pid_t parent);

#endif
