/* Ends this process when another one does, where the kernel's own way (PR_SET_PDEATHSIG) does not last. */
#ifndef NK_GUARD_H
#define NK_GUARD_H

#include <sys/types.h>

/* Forks a process that kills this one when `owner` ends, and ends itself when this one does. <0 with errno.
 */
int guard_start(pid_t owner);

#endif
