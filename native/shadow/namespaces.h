#ifndef NK_NAMESPACES_H
#define NK_NAMESPACES_H

#include "plan.h"

/* clone(2) flags of the namespaces that the shadow starts with. */
unsigned long namespaces_to_make(const struct plan *plan);

/* In the new process: joins the network namespace given by path, sets the host name. <0: see fail_text(). */
int namespaces_set_up(const struct plan *plan);

/* Makes children of this process members of the pid namespace of the shadow `pid`; *pidfd is for
 * namespaces_enter. */
int namespaces_open(pid_t pid, int *pidfd);

/* In such a child: joins the others. */
int namespaces_enter(pid_t pid, int pidfd);

#endif
