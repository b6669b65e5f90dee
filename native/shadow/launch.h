/* The shadow as a child of the launcher, until it stands on its own.
 *
 * launch_start    forks; the child prepares itself and dies with the launcher
 * launch_ready    the child is prepared, or failed: its reason is in fail_text()
 * launch_release  the child outlives the launcher from now on, and pumps; the terminal is raw
 * launch_wait     for `wait`: stays for the child, passes signals on, restores the terminal, returns the exit
 *                 status
 * launch_abort    ends the child, restores the terminal
 *
 * A raw terminal is restored whoever is killed: by the launcher when its caller or the child is, by the child
 * when the launcher is. For a child whose terminal it was that is a hang-up.
 */
#ifndef NK_LAUNCH_H
#define NK_LAUNCH_H

#include "terminal.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int sync; /* socket between launcher and child; with a terminal it stays open */
    int tty;  /* the caller's terminal while it is in raw mode, else -1 */
    struct termios saved;
};

/* What a child has of a launcher that has made the caller's terminal raw. */
struct caller {
    int launcher; /* a socket that ends with it; -1: there is no such terminal */
    struct termios saved;
};

struct child_work {
    /* In the child. Returns <0 with fail_text(). It must keep `*sync` open, and may move it. */
    int (*prepare)(void *context, int *sync);
    /* The exit status of the child. */
    int (*run)(void *context, const struct caller *caller);
    void *context;
    /* What it is: in the name of the process and in those of its steps. */
    const char *role;
};

/* From here on a launcher whose caller dies ends as well: for one that is to make its terminal raw. */
void launch_with_caller(void);

int launch_start(struct child *child, unsigned long clone_flags, const struct child_work *work);
int launch_ready(struct child *child);

/* `tty`: the terminal to put in raw mode while the child lives; -1: none. */
int launch_release(struct child *child, int tty);
void launch_abort(struct child *child);
int launch_wait(struct child *child);

#endif
