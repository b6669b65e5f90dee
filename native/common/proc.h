/* A /proc of this process's pid namespace, for a root that has none. */
#ifndef NK_PROC_H
#define NK_PROC_H

#include <stdint.h>

/* Mounted nowhere yet. In a user namespace the kernel gives it only to who sees a whole /proc already: to be
 * called before the host's root is left. `attributes`: beside nosuid, nodev and noexec. <0: see
 * fail_text(). */
int proc_take(uint64_t attributes);

#endif
