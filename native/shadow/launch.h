/* The shadow as a child of the launcher, until it stands on its own.
 *
 * launch_start  forks; the child prepares itself and dies with the launcher
 * launch_ready  the child is prepared, or failed: its reason is in fail_text()
 * launch_release  the child outlives the launcher from now on, and pumps; the terminal is raw
 * launch_wait   for `wait`: stays for the child, passes signals on, restores the terminal, returns the exit
 * status launch_abort  ends the child, restores the terminal
 */
#ifndef NK_LAUNCH_H
#define NK_LAUNCH_H

#include "terminal.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int sync; /* socket between launcher and child */
    int tty;  /* the caller's terminal while it is in raw mode, else -1 */
    struct termios saved;
};

struct child_work {
    /* In the child. Returns <0 with fail_text(). It must keep `*sync` open, and may move it. */
    int (*prepare)(void *context, int *sync);
    /* The exit status of the child. */
    int (*run)(void *context);
    void *context;
    /* What it is: in the name of the process and in those of its steps. */
    const char *role;
};

int launch_start(struct child *child, unsigned long clone_flags, const struct child_work *work);
int launch_ready(struct child *child);

/* `tty`: the terminal to put in raw mode while the child lives; -1: none. */
int launch_release(struct child *child, int tty);
void launch_abort(struct child *child);
int launch_wait(struct child *child);

#endif
