/* A shadow's tree inside that of another one: several containers in one VM, which shares one tree with its
 * guest. */
#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"
#include "common/syscalls.h"
#include "resolve.h"
#include "tree.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

static int open_of(pid_t shadow, int number, int flags) {
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)shadow, number);
    fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? fail_errno("cannot open the tree of the shadow %d", (int)shadow) : fd;
}

int tree_open_ns(pid_t shadow) {
    return open_of(shadow, TREE_NS_FD, O_RDONLY);
}

int tree_open_root(pid_t shadow) {
    return open_of(shadow, TREE_ROOT_FD, O_PATH | O_DIRECTORY);
}

/* The caller is then in the rootfs of that tree. One name: no path leads out of it. */
static int enter(int ns, const char *folder) {
    if (strchr(folder, '/') || strcmp(folder, "..") == 0 || strcmp(folder, ".") == 0 || !*folder) {
        errno = EINVAL;
        return -1;
    }
    return setns(ns, CLONE_NEWNS) < 0 || chdir(TREE_ROOTFS) < 0 ? -1 : 0;
}

/* Only a tree of the namespace that one is in can be copied, and a copy can be mounted in any. The copy is
 * for servers of shares alone, which have no business with devices and links: they mean something in the
 * guest. */
static int copy_over(const struct tree *tree, int ns, const char *folder) {
    struct nk_mount_attr attr = {.attr_set = NK_ATTR_NODEV | NK_ATTR_NOSYMFOLLOW};
    cleanup_close int copy = -1;

    if (setns(tree->ns, CLONE_NEWNS) < 0)
        return -1;
    copy = nk_open_tree(tree->root, "",
                        NK_OPEN_TREE_CLONE | (unsigned)O_CLOEXEC | NK_AT_RECURSIVE | AT_EMPTY_PATH);
    if (copy < 0 || nk_mount_setattr(copy, NK_AT_RECURSIVE, &attr) < 0 || enter(ns, folder) < 0)
        return -1;
    return nk_move_mount(copy, AT_FDCWD, folder);
}

/* In a child: the shadow must stay in its own namespace, and the way back would need its root. The child is
 * not waited for, as a shadow's children are reaped by the kernel: its errno comes through a pipe. */
int tree_attach(const struct tree *tree, int ns, const char *folder) {
    int result[2];
    int error = EIO;
    pid_t child;

    if (pipe2(result, O_CLOEXEC) < 0)
        return fail_errno("cannot make a pipe");
    child = fork();
    if (child == 0) {
        error = copy_over(tree, ns, folder) < 0 ? errno : 0;
        _exit(nk_write_all(result[1], &error, sizeof error) < 0);
    }
    close(result[1]);
    if (child > 0)
        nk_read_full(result[0], &error, sizeof error);
    close(result[0]);
    if (error == 0)
        return 0;
    errno = error;
    return fail_errno("cannot mount the container's tree on %s of the VM's", folder);
}

int tree_detach(int ns, const char *folder) {
    if (enter(ns, folder) < 0 || umount2(folder, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
        return fail_errno("cannot unmount %s", folder);
    return 0;
}
