#include "tree.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"
#include "common/proc.h"
#include "common/syscalls.h"
#include "view.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static unsigned recursion(unsigned long flags) {
    return flags & MS_REC ? NK_AT_RECURSIVE : 0;
}

/* What a shared mount would send to the host is the guest's, on whose kernel it stays. */
static struct nk_mount_attr attributes(unsigned long flags) {
    struct nk_mount_attr attr = {.propagation = flags & (MS_SHARED | MS_SLAVE) ? MS_SLAVE : MS_PRIVATE};

    attr.attr_set = (flags & MS_RDONLY ? NK_ATTR_RDONLY : 0) | (flags & MS_NOSUID ? NK_ATTR_NOSUID : 0) |
                    (flags & MS_NODEV ? NK_ATTR_NODEV : 0) | (flags & MS_NOEXEC ? NK_ATTR_NOEXEC : 0) |
                    (flags & MS_NODIRATIME ? NK_ATTR_NODIRATIME : 0) |
                    (flags & NK_MS_NOSYMFOLLOW ? NK_ATTR_NOSYMFOLLOW : 0);
    if (flags & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)) {
        attr.attr_clr = NK_ATTR_ATIME_MASK;
        attr.attr_set |= flags & MS_NOATIME    ? NK_ATTR_NOATIME
                         : flags & MS_RELATIME ? NK_ATTR_RELATIME
                                               : NK_ATTR_STRICTATIME;
    }
    return attr;
}

/* A detached copy of the tree at `path`. Only added restrictions are changed: what the source's mounts have
 * stays. */
static int clone_tree(int at, const char *path, unsigned long flags, const char *what) {
    struct nk_mount_attr attr = attributes(flags);
    cleanup_close int fd =
        nk_open_tree(at, path, NK_OPEN_TREE_CLONE | (unsigned)O_CLOEXEC | recursion(flags));

    if (fd < 0)
        return fail_errno("%s %s", what, path);
    if (nk_mount_setattr(fd, recursion(flags), &attr) < 0)
        return fail_errno("cannot set mount flags %#lx on %s", flags, path);
    return nk_take_fd(&fd);
}

/* A container may write to the folders on the way to it: what was checked before may be a link by now. */
static int clone_inner(const struct plan_mount *mount) {
    cleanup_close int outer = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int inner = outer < 0 ? -1
                                        : nk_openat2(outer, mount->inner, O_PATH | O_DIRECTORY,
                                                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

    if (inner < 0)
        return fail_errno("cannot find the folder %s in %s without following links", mount->inner,
                          mount->source);
    return clone_tree(inner, ".", mount->flags, mount->inner);
}

static int clone_volume(const struct plan_mount *mount) {
    return mount->inner ? clone_inner(mount)
                        : clone_tree(AT_FDCWD, mount->source, mount->flags, "bind mount source");
}

/* Sources are taken before propagation is cut, so that slaves keep their masters. copies[0]: the rootfs. */
static int clone_all(const struct plan *plan, int rootfs, int *copies) {
    copies[0] = clone_tree(rootfs, ".", MS_REC, "rootfs");
    if (copies[0] < 0)
        return -1;
    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];

        copies[i + 1] = mount->source ? clone_volume(mount) : -1;
        if (mount->source && copies[i + 1] < 0)
            return -1;
    }
    return 0;
}

static int make_mount_point(int top, const char *name, int copy) {
    struct stat info;
    cleanup_close int file = -1;

    if (fstat(copy, &info) < 0)
        return -1;
    if (S_ISDIR(info.st_mode))
        return mkdirat(top, name, 0755);
    file = openat(top, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return file < 0 ? -1 : 0;
}

static int put(int top, const char *name, int copy, const char *source) {
    if (make_mount_point(top, name, copy) < 0 || nk_move_mount(copy, top, name) < 0)
        return fail_errno("cannot put %s into the shared tree", source);
    close(copy);
    return 0;
}

static int write_proof(int top, const char *text) {
    cleanup_close int file = openat(top, &TREE_PROOF[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

    return file < 0 ? -1 : nk_write_all(file, text, strlen(text));
}

static int fill(const struct plan *plan, int top, const int *copies) {
    struct nk_mount_attr readonly = {.attr_set = NK_ATTR_RDONLY};
    size_t volumes = 0;
    char name[32];

    if (plan->readonly && nk_mount_setattr(copies[0], 0, &readonly) < 0)
        return fail_errno("cannot make the rootfs read-only");
    if (plan->proof && write_proof(top, plan->proof) < 0)
        return fail_errno("cannot write the shared tree's proof");
    if (put(top, &TREE_ROOTFS[1], copies[0], plan->rootfs) < 0)
        return -1;
    for (size_t i = 0; i < plan->mount_count; i++) {
        if (!plan->mounts[i].source)
            continue;
        snprintf(name, sizeof name, "%zu", volumes++);
        if (put(top, name, copies[i + 1], plan->mounts[i].source) < 0)
            return -1;
    }
    /* The guest could fill the host's memory. */
    return nk_mount_setattr(top, 0, &readonly) < 0 ? fail_errno("cannot close the shared tree") : 0;
}

/* pivot_root(".", "."), as in its manual page: the old root ends up on top and is taken off. */
int tree_pivot(int root) {
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return fail_errno("cannot pivot into the rootfs");
    if (umount2(".", MNT_DETACH) < 0)
        return fail_errno("cannot detach the host's root");
    return chdir("/");
}

int tree_leave_chroot(void) {
    cleanup_close int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

    if (ns < 0)
        return fail_errno("cannot open /proc/self/ns/mnt");
    return setns(ns, CLONE_NEWNS) < 0 ? fail_errno("cannot go to the root of the mount namespace") : 0;
}

static int make_shared_tree(const struct plan *plan, struct tree *tree, const int *copies, int place) {
    cleanup_close int top = nk_new_mount("tmpfs");

    if (top < 0)
        return fail_errno("cannot make the shared tree");
    /* Anywhere: the host's root goes. */
    if (nk_move_mount(top, place, ".") < 0)
        return fail_errno("cannot mount on the rootfs %s", plan->rootfs);
    if (fill(plan, top, copies) < 0)
        return -1;
    tree->ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (tree->ns < 0)
        return fail_errno("cannot open /proc/self/ns/mnt");
    if (tree_pivot(top) < 0)
        return -1;
    tree->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* The copy that a server of the share makes (jail.c) is to get what is mounted in the tree later. */
    if (tree->root < 0 || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
        return fail_errno("cannot open the shared tree");
    return 0;
}

static int assemble(const struct plan *plan, struct tree *tree, int *copies) {
    /* The path was resolved before: another container may have made a folder on the way a link by now. */
    cleanup_close int place = nk_openat2(AT_FDCWD, plan->rootfs, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    cleanup_close int view = -1;
    cleanup_close int proc = proc_take(0);

    if (proc < 0)
        return -1;
    if (place < 0)
        return fail_errno("cannot open the rootfs %s without following links", plan->rootfs);
    if (clone_all(plan, place, copies) < 0)
        return -1;
    view = clone_tree(place, ".", MS_REC, "rootfs");
    if (view < 0)
        return -1;
    /* The last path of the caller's: from here on the root may be another. */
    if (tree_leave_chroot() < 0)
        return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return fail_errno("cannot make mounts private");
    return make_shared_tree(plan, tree, copies, place) < 0 ? -1 : view_enter(plan, view, proc);
}

int tree_assemble(const struct plan *plan, struct tree *tree) {
    cleanup_free int *copies = calloc(plan->mount_count + 1, sizeof *copies);

    if (!copies)
        return fail("no memory for %zu mounts", plan->mount_count);
    umask(0);
    return assemble(plan, tree, copies);
}
