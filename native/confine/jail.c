#include "jail.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/proc.h"
#include "common/syscalls.h"
#include "shadow/tree.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* The bytes of the shared object that PRELOAD_FILE names (Makefile). */
__asm__(".section .rodata\n"
        "preload_start: .incbin \"" PRELOAD_FILE "\"\n"
        "preload_end:\n"
        ".previous");
extern const char preload_start[];
extern const char preload_end[];

#define OTHER_NAMESPACES (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

int jail_take(struct jail *jail) {
    jail->tree_ns = jail->shadow ? tree_open_ns(jail->shadow) : -1;
    jail->tree_root = jail->shadow ? tree_open_root(jail->shadow) : -1;
    if (jail->shadow && (jail->tree_ns < 0 || jail->tree_root < 0))
        return -1;
    /* It shows no process of the host, and its settings of the kernel (/proc/sys) cannot be written. */
    if (jail->proc && (jail->proc_mount = proc_take(NK_ATTR_RDONLY)) < 0)
        return -1;
    for (size_t i = 0; i < jail->count; i++) {
        if (jail_take_file(jail, &jail->files[i]) < 0)
            return -1;
    }
    return 0;
}

/* The new root covers the old one, which then hangs in it as /tree. What is mounted in the shadow's tree
 * later comes along (it is the master), and nothing goes the other way. */
static int pivot_under_tmpfs(void) {
    cleanup_close int root = -1;

    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail_errno("cannot cut the tree's propagation");
    root = nk_new_mount("tmpfs");
    if (root < 0 || nk_move_mount(root, AT_FDCWD, "/") < 0 || fchdir(root) < 0)
        return fail_errno("cannot mount a new root");
    if (mkdir(&JAIL_TREE[1], 0755) < 0 || syscall(SYS_pivot_root, ".", &JAIL_TREE[1]) < 0)
        return fail_errno("cannot make the new root the root");
    return chdir("/");
}

static int drop_old_root(void) {
    if (umount2(JAIL_TREE, MNT_DETACH) < 0 || rmdir(JAIL_TREE) < 0)
        return fail_errno("cannot leave the host's files");
    return 0;
}

static int place_proc(const struct jail *jail) {
    if (mkdir("/proc", 0555) < 0 || nk_move_mount(jail->proc_mount, AT_FDCWD, "/proc") < 0)
        return fail_errno("cannot mount the jail's /proc");
    close(jail->proc_mount);
    return 0;
}

/* No symbolic link of the guest is followed, and no device of the host opened by its number. */
static int restrict_tree(void) {
    struct nk_mount_attr attr = {
        .attr_set = NK_ATTR_NODEV | NK_ATTR_NOSUID | NK_ATTR_NOEXEC | NK_ATTR_NOSYMFOLLOW,
    };
    cleanup_close int tree = open(JAIL_TREE, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (tree < 0 || nk_mount_setattr(tree, NK_AT_RECURSIVE, &attr) < 0)
        return fail_errno("cannot restrict the tree");
    return 0;
}

/* The nodes of a jail's user are in it, and nobody can make others: it is read-only. */
static int restrict_root(const struct jail *jail) {
    struct nk_mount_attr attr = {
        .attr_set = NK_ATTR_RDONLY | NK_ATTR_NOSUID | (jail->user ? 0 : NK_ATTR_NODEV),
    };
    cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root < 0 || nk_mount_setattr(root, 0, &attr) < 0)
        return fail_errno("cannot restrict the jail's root");
    return 0;
}

static int place_files(const struct jail *jail) {
    for (size_t i = 0; i < jail->count; i++) {
        if (jail_place_file(jail, &jail->files[i]) < 0)
            return -1;
    }
    return 0;
}

static int furnish(const struct jail *jail) {
    if (jail->shadow ? restrict_tree() < 0 : drop_old_root() < 0)
        return -1;
    if (jail->preload &&
        jail_write_file(JAIL_PRELOAD, preload_start, (size_t)(preload_end - preload_start)) < 0)
        return -1;
    if (place_files(jail) < 0 || (jail->proc && place_proc(jail) < 0))
        return -1;
    return restrict_root(jail);
}

/* A namespace whose root is not the tree would show the server the host. That a shadow makes none is no
 * reason to believe it. */
static int enter_tree(const struct jail *jail) {
    struct stat tree;
    struct stat root;

    if (setns(jail->tree_ns, CLONE_NEWNS) < 0 || fstat(jail->tree_root, &tree) < 0 || stat("/", &root) < 0)
        return fail_errno("cannot enter the tree of the shadow %d", (int)jail->shadow);
    if (tree.st_dev != root.st_dev || tree.st_ino != root.st_ino)
        return fail("the namespace of the shadow %d has another root than its tree", (int)jail->shadow);
    close(jail->tree_root);
    close(jail->tree_ns);
    return 0;
}

int jail_enter(struct jail *jail) {
    if (jail->shadow && enter_tree(jail) < 0)
        return -1;
    if (unshare(OTHER_NAMESPACES | (jail->keeps_network ? 0 : CLONE_NEWNET)) < 0)
        return fail_errno("cannot make namespaces");
    if (!jail->shadow && tree_leave_chroot() < 0)
        return -1;
    return pivot_under_tmpfs() < 0 ? -1 : furnish(jail);
}
