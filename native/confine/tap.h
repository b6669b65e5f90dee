/* The network card of a VM on the host: a tap in the network namespace that this process is in. */
#ifndef NK_TAP_H
#define NK_TAP_H

#include <stdbool.h>

/* Of a tap: one for each virtual CPU, up to this. */
#define TAP_MAX_QUEUES 8

/* Its name where it is made; who connects it gives it another. */
#define TAP_NAME "nktap"

struct tap {
    unsigned first_fd; /* in the program: `queues` descriptors from here on */
    unsigned queues;   /* 0: no tap */
    bool vhost;        /* as many of /dev/vhost-net behind them */
};

/* An option of the command line: how many words it has; 0: it is none, or lacks some.
 *   --tap FD QUEUES [vhost] */
int tap_option(struct tap *tap, char **words, int left);

/* Makes the network namespace that the tap and its program are in. <0 with fail_text(), as below. */
int tap_unshare(const struct tap *tap);

/* How many descriptors of `fds` were opened: those of the tap, then those of vhost. The tap is there as long
 * as one of them is. */
int tap_open(const struct tap *tap, int fds[2 * TAP_MAX_QUEUES]);

/* Makes a tap of one queue that stays, for a program that opens it by its name, as `user` and without any
 * capability: nk-shadow unpersist. */
int tap_leave(unsigned user);

#endif
