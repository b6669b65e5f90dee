/* What whoever enters the shadow sees: the rootfs with everything of the plan in its place. */
#ifndef NK_VIEW_H
#define NK_VIEW_H

#include "plan.h"

/* To be called at the root of the shared tree, with mounts of the rootfs and of a /proc that are attached
 * nowhere. Leaves the process in a copy of the tree's namespace that has the view as root, and alone has
 * /proc; the mount points stay in the rootfs. <0: see fail_text(). */
int view_enter(const struct plan *plan, int root, int proc);

#endif
