#include "tree.h"

#include "cleanup.h"
#include "fail.h"
#include "resolve.h"
#include "syscalls.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define PROPAGATION (MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)

static unsigned recursion(unsigned long flags) {
    return flags & MS_REC ? NK_AT_RECURSIVE : 0;
}

static struct nk_mount_attr attributes(unsigned long flags) {
    struct nk_mount_attr attr = {.propagation = flags & PROPAGATION ? flags & PROPAGATION : MS_PRIVATE};

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
static int clone_tree(const char *path, unsigned long flags, const char *what) {
    struct nk_mount_attr attr = attributes(flags);
    cleanup_close int fd =
        nk_open_tree(AT_FDCWD, path, NK_OPEN_TREE_CLONE | (unsigned)O_CLOEXEC | recursion(flags));

    if (fd < 0)
        return fail_errno("%s %s", what, path);
    if (nk_mount_setattr(fd, recursion(flags), &attr) < 0)
        return fail_errno("cannot set mount flags %#lx on %s", flags, path);
    return nk_take_fd(&fd);
}

/* Sources are taken before propagation is cut, so that "slave" and "shared" mounts keep their peers. */
static int clone_sources(const struct plan *plan, int *sources) {
    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];

        sources[i] = mount->source ? clone_tree(mount->source, mount->flags, "bind mount source") : -1;
        if (mount->source && sources[i] < 0)
            return -1;
    }
    return 0;
}

static int is_directory(int fd) {
    struct stat info;

    return fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

static int place(int root, const struct plan_mount *mount, int source) {
    int directory = source >= 0 ? is_directory(source) : mount->directory;
    cleanup_close int point = resolve_mount_point(root, mount->dest, directory);

    if (point < 0)
        return -1;
    /* The kernel would only say "Invalid argument". */
    if (source >= 0 && directory != is_directory(point))
        return fail("cannot mount %s on %s: %s is a directory, the other is not", mount->source, mount->dest,
                    directory ? "the source" : "the mount point");
    if (source >= 0 && nk_move_mount(source, point, "") < 0)
        return fail_errno("cannot mount %s on %s", mount->source, mount->dest);
    return 0;
}

/* Host tools that enter the shadow need /proc; an image without it may be read-only, and then has none. */
static void make_proc_directory(int root) {
    int fd = resolve_mount_point(root, "/proc", true);

    if (fd >= 0)
        close(fd);
}

static int place_all(const struct plan *plan, int root, int *sources) {
    struct nk_mount_attr readonly = {.attr_set = NK_ATTR_RDONLY};

    for (size_t i = 0; i < plan->mount_count; i++) {
        if (place(root, &plan->mounts[i], sources[i]) < 0)
            return -1;
        if (sources[i] >= 0)
            close(sources[i]);
    }
    make_proc_directory(root);
    if (plan->readonly && nk_mount_setattr(root, 0, &readonly) < 0)
        return fail_errno("cannot make the rootfs read-only");
    return 0;
}

/* pivot_root(".", "."), as in its manual page: the old root ends up on top and is taken off. */
static int pivot(int root) {
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return fail_errno("cannot pivot into the rootfs");
    if (umount2(".", MNT_DETACH) < 0)
        return fail_errno("cannot detach the host's root");
    return chdir("/");
}

/* The share must not show the host's view of /proc: it is mounted in a copy of the namespace only. The copy
 * that a server of the share makes (jail.c) is to get what is mounted in the tree later, so the tree is
 * shared. */
static int enter_copy_with_proc(void) {
    cleanup_close int proc = -1;

    if (mount(NULL, "/", NULL, MS_SHARED, NULL) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
        return fail_errno("cannot copy the mount namespace");
    proc = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (proc < 0)
        return 0;
    if (fchdir(proc) < 0 || mount("proc", ".", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return fail_errno("cannot mount /proc");
    return chdir("/");
}

static int assemble(const struct plan *plan, struct tree *tree, int *sources) {
    cleanup_close int root = clone_tree(plan->rootfs, MS_REC, "rootfs");

    if (root < 0 || clone_sources(plan, sources) < 0)
        return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return fail_errno("cannot make mounts private");
    if (nk_move_mount(root, AT_FDCWD, plan->rootfs) < 0)
        return fail_errno("cannot mount the rootfs %s", plan->rootfs);
    if (place_all(plan, root, sources) < 0)
        return -1;
    tree->ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (tree->ns < 0)
        return fail_errno("cannot open /proc/self/ns/mnt");
    if (pivot(root) < 0)
        return -1;
    tree->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return tree->root < 0 ? fail_errno("cannot open the new root") : enter_copy_with_proc();
}

int tree_assemble(const struct plan *plan, struct tree *tree) {
    cleanup_free int *sources = calloc(plan->mount_count + 1, sizeof *sources);

    if (!sources)
        return fail("no memory for %zu mounts", plan->mount_count);
    umask(0);
    return assemble(plan, tree, sources);
}
