/* User namespaces, for who is not root: in one of its own it may make the others. */
#ifndef NK_USERNS_H
#define NK_USERNS_H

#include <sys/types.h>

/* The users and groups there, as words of newuidmap(1) and newgidmap(1): "0 1000 1 1 100000 65536". Unset:
 * this user and this group alone, as 0. */
#define USERNS_UIDS "NK_UID_MAP"
#define USERNS_GIDS "NK_GID_MAP"

/* Both do nothing where root calls. <0: see fail_text(). */

/* Makes one, and a mount namespace that belongs to it: the process is root there. */
int userns_make(void);

/* Joins that of a process of ours: its other namespaces can be joined then. */
int userns_join(pid_t pid);

#endif
