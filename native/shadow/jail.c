#include "jail.h"

#include "cleanup.h"
#include "fail.h"
#include "io.h"
#include "syscalls.h"
#include "tree.h"

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

#define TREE "tree"
#define OTHER_NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

int jail_add_file(struct jail *jail, const char *path) {
    if (jail->count == NK_JAIL_MAX_FILES || path[0] != '/')
        return fail("expected at most %d absolute paths, found %s", NK_JAIL_MAX_FILES, path);
    jail->files[jail->count++] = path;
    return 0;
}

int jail_take(struct jail *jail) {
    struct nk_mount_attr attr = {
        .attr_set = NK_ATTR_RDONLY | NK_ATTR_NOSUID | NK_ATTR_NODEV,
        .propagation = MS_PRIVATE,
    };

    jail->tree_ns = tree_open_ns(jail->shadow);
    if (jail->tree_ns < 0)
        return -1;
    for (size_t i = 0; i < jail->count; i++) {
        jail->copies[i] = nk_open_tree(AT_FDCWD, jail->files[i], NK_OPEN_TREE_CLONE | (unsigned)O_CLOEXEC);
        if (jail->copies[i] < 0 || nk_mount_setattr(jail->copies[i], 0, &attr) < 0)
            return fail_errno("cannot take %s into the jail", jail->files[i]);
    }
    return 0;
}

/* Its folders, and an empty file to mount on. */
static int make_mount_point(const char *path) {
    char folder[4096];
    int fd;

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            return -1;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : close(fd);
}

/* Part of this program, so that there is one file less to install and to find. */
static int write_preload(void) {
    cleanup_close int fd = -1;

    if (make_mount_point(JAIL_PRELOAD) < 0)
        return fail_errno("cannot make %s", JAIL_PRELOAD);
    fd = open(JAIL_PRELOAD, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || nk_write_all(fd, preload_start, (size_t)(preload_end - preload_start)) < 0)
        return fail_errno("cannot write %s", JAIL_PRELOAD);
    return 0;
}

static int place_files(const struct jail *jail) {
    for (size_t i = 0; i < jail->count; i++) {
        if (make_mount_point(jail->files[i]) < 0 ||
            nk_move_mount(jail->copies[i], AT_FDCWD, jail->files[i]) < 0)
            return fail_errno("cannot put %s into the jail", jail->files[i]);
        close(jail->copies[i]);
    }
    return 0;
}

/* The new root covers the old one, which then hangs at /tree. What is mounted in the shadow's tree later
 * comes along (it is the master), and nothing goes the other way. */
static int pivot_under_tmpfs(void) {
    cleanup_close int root = -1;

    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail_errno("cannot cut the tree's propagation");
    root = nk_new_mount("tmpfs");
    if (root < 0 || nk_move_mount(root, AT_FDCWD, "/") < 0 || fchdir(root) < 0)
        return fail_errno("cannot mount a new root");
    if (mkdir(TREE, 0755) < 0 || syscall(SYS_pivot_root, ".", TREE) < 0)
        return fail_errno("cannot make the new root the root");
    return chdir("/");
}

/* No symbolic link of the guest is followed, and no device of the host opened by its number. */
static int restrict_mounts(void) {
    struct nk_mount_attr tree_attr = {
        .attr_set = NK_ATTR_NODEV | NK_ATTR_NOSUID | NK_ATTR_NOEXEC | NK_ATTR_NOSYMFOLLOW,
    };
    struct nk_mount_attr root_attr = {.attr_set = NK_ATTR_RDONLY | NK_ATTR_NODEV | NK_ATTR_NOSUID};
    cleanup_close int tree = open("/" TREE, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (tree < 0 || root < 0 || nk_mount_setattr(tree, NK_AT_RECURSIVE, &tree_attr) < 0 ||
        nk_mount_setattr(root, 0, &root_attr) < 0)
        return fail_errno("cannot restrict the jail's mounts");
    return 0;
}

int jail_enter(struct jail *jail) {
    if (setns(jail->tree_ns, CLONE_NEWNS) < 0)
        return fail_errno("cannot enter the tree of the shadow %d", (int)jail->shadow);
    close(jail->tree_ns);
    if (unshare(OTHER_NAMESPACES) < 0)
        return fail_errno("cannot make namespaces");
    if (pivot_under_tmpfs() < 0 || place_files(jail) < 0 || write_preload() < 0)
        return -1;
    return restrict_mounts();
}
