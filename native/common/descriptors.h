/* Which descriptors a process keeps. */
#ifndef NK_DESCRIPTORS_H
#define NK_DESCRIPTORS_H

#include <stddef.h>

struct fd_move {
    int from;
    int to;
};

/* Opens /dev/null on those of 0, 1 and 2 that are closed, so that no other descriptor gets their numbers. */
int descriptors_fill_standard(void);

#define DESCRIPTORS_MAX_MOVES 32

/* Puts each descriptor at its place (at most DESCRIPTORS_MAX_MOVES, below 64) and closes all others but the
 * standard ones. <0 with errno. */
int descriptors_arrange(const struct fd_move *moves, size_t count);

/* Closes all descriptors from `first` on but the `count` kept ones. */
void descriptors_close_except(int first, const int *kept, size_t count);

/* Gives the standard descriptors that are pipes or terminals an open file description of our own,
 * non-blocking: the caller shares the old one, whose flags are not ours to set. Must run while /proc is the
 * host's. */
void descriptors_reopen_standard(void);

#endif
