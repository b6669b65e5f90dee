/* The container's tree on the host: rootfs and bind mounts, assembled in a mount namespace of its own. */
#ifndef NK_TREE_H
#define NK_TREE_H

#include "plan.h"

/* Descriptors that stay open in the shadow: the share exports /proc/SHADOW/fd/11/. */
enum { TREE_NS_FD = 10, TREE_ROOT_FD = 11 };

struct tree {
    int ns;   /* the mount namespace of the tree */
    int root; /* O_PATH, its root */
};

/* To be called in new mount and pid namespaces. Assembles the tree, makes it the root of this process and
 * leaves the process in a copy of the namespace that alone has /proc. <0: see fail_text(); the namespace dies
 * with the caller. */
int tree_assemble(const struct plan *plan, struct tree *tree);

/* Mounts the tree on `folder` of another shadow's, whose namespace is `ns`. */
int tree_attach(const struct tree *tree, int ns, const char *folder);

/* Takes the tree on `folder` off again. Changes the namespace of the caller. */
int tree_detach(int ns, const char *folder);

/* Opens the namespace of a shadow's tree. */
int tree_open_ns(pid_t shadow);

#endif
