/* Children: those the agent starts, and the containers' processes that it inherits as their reaper. */
#ifndef NK_CHILD_H
#define NK_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct nk_child {
    struct nk_child *next;
    pid_t pid;
    bool watched;
    /* The wait status. The child is no longer watched: it may be freed here. */
    void (*exited)(struct nk_child *child, int status);
};

/* Becomes the reaper of all descendants and starts to take signals. <0: errno. */
int nk_children_init(void);

/* Called when SIGTERM or SIGINT asks the agent to end. */
extern void (*nk_on_terminate)(void);

/* Runs program as argv, with these descriptors as 0, 1 and 2. The pid, or <0 with errno. */
pid_t nk_child_spawn(const char *program, char *const argv[], const int stdio[3]);

/* Calls exited when pid ends; at once if it has already been reaped as somebody unknown. */
void nk_child_watch(struct nk_child *child, pid_t pid);
void nk_child_forget(struct nk_child *child);

/* Between these two, orphans may end before it is known whose they are: their status is kept. */
void nk_children_expect_orphans(void);
void nk_children_settle_orphans(void);

#endif
