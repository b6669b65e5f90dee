/* The container's files on the host, in mount namespaces of their own: once as the guest gets them, in
 * pieces, and once put together for whoever enters the shadow. */
#ifndef NK_TREE_H
#define NK_TREE_H

#include "plan.h"

/* Descriptors that stay open in the shadow: the share exports /proc/SHADOW/fd/11/. */
enum { TREE_NS_FD = 10, TREE_ROOT_FD = 11 };

/* In the shared tree: the rootfs, and beside it volume N of the plan as /N. What is inside of the rootfs or
 * of a volume cannot lead a path that ends at one of these names anywhere else. */
#define TREE_ROOTFS "/rootfs"

/* A file beside it by which the guest's agent shows that it sees this very tree (decision 11). */
#define TREE_PROOF "/proof"

struct tree {
    int ns;   /* the mount namespace of the shared tree */
    int root; /* O_PATH, its root */
};

/* To be called in new mount and pid namespaces. Makes the shared tree, and leaves the process in a copy of
 * its namespace with the assembled view as root. <0: see fail_text(); the namespaces die with the caller. */
int tree_assemble(const struct plan *plan, struct tree *tree);

/* Mounts the shared tree on `folder` of another shadow's rootfs, whose namespace is `ns`. */
int tree_attach(const struct tree *tree, int ns, const char *folder);

/* Takes the tree on `folder` off again. Changes the namespace of the caller. */
int tree_detach(int ns, const char *folder);

/* Open the namespace of a shadow's tree, and the root of that tree. */
int tree_open_ns(pid_t shadow);
int tree_open_root(pid_t shadow);

/* In a chroot the root of the mount namespace is another than the process's. It would stay beside whatever is
 * made the root, and whoever enters the namespace later would be there: among the host's files. */
int tree_leave_chroot(void);

/* Makes a mount the root, and takes the old root off. */
int tree_pivot(int root);

#endif
