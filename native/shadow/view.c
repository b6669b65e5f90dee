#include "view.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/syscalls.h"
#include "resolve.h"
#include "tree.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int is_directory(int fd) {
    struct stat info;

    return fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Puts a mount in its place. What is in the tree by then counts: a link below a volume is the volume's. */
static int place(int root, const struct plan_mount *mount, int source) {
    bool directory = is_directory(source);
    cleanup_close int point = resolve_mount_point(root, mount->dest, directory);

    if (point < 0)
        return -1;
    /* The kernel would only say "Invalid argument". */
    if (directory != is_directory(point))
        return fail("cannot mount %s on %s: %s is a directory, the other is not",
                    mount->source ? mount->source : "a file system", mount->dest,
                    directory ? "the source" : "the mount point");
    if (nk_move_mount(source, point, "") < 0)
        return fail_errno("cannot mount %s on %s", mount->source ? mount->source : "a file system",
                          mount->dest);
    return 0;
}

/* The volume leaves its number for its place. */
static int place_volume(int root, const struct plan_mount *mount, size_t number) {
    cleanup_close int volume = -1;
    char path[32];

    if (!mount->dest)
        return 0;
    snprintf(path, sizeof path, "/%zu", number);
    volume = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (volume < 0)
        return fail_errno("cannot open volume %zu", number);
    return place(root, mount, volume);
}

/* Empty: mount points below it are none of the rootfs's business, and whoever enters the shadow to copy files
 * finds nothing, and cannot write: what is there is the guest's. Returns it, to be closed to writers when all
 * is in place. */
static int place_cover(int root, const struct plan_mount *mount) {
    cleanup_close int cover = nk_new_mount("tmpfs");

    if (cover < 0)
        return fail_errno("cannot make a file system for %s", mount->dest);
    return place(root, mount, cover) < 0 ? -1 : nk_take_fd(&cover);
}

static int set_readonly(int mount) {
    struct nk_mount_attr attr = {.attr_set = NK_ATTR_RDONLY};

    return nk_mount_setattr(mount, 0, &attr) < 0 ? fail_errno("cannot make a mount read-only") : 0;
}

static int place_all(const struct plan *plan, int root, int *covers) {
    size_t volumes = 0;

    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];
        int ret;

        covers[i] = -1;
        if (mount->source)
            ret = place_volume(root, mount, volumes++);
        else
            ret = covers[i] = place_cover(root, mount);
        if (ret < 0)
            return -1;
    }
    return 0;
}

static int close_covers(const struct plan *plan, int *covers) {
    for (size_t i = 0; i < plan->mount_count; i++) {
        if (covers[i] >= 0 && set_readonly(covers[i]) < 0)
            return -1;
        nk_cleanup_close(&covers[i]);
    }
    return 0;
}

/* If it can be made: an image may be read-only, and a bad path is for the guest's runtime to refuse. */
static void try_to_make_folder(int root, const char *path) {
    int fd = resolve_mount_point(root, path, true);

    if (fd >= 0)
        close(fd);
}

/* The share must not show the host's view of /proc: it is mounted in this namespace only. */
static int place_proc(int proc) {
    cleanup_close int place = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (place < 0)
        return 0;
    return nk_move_mount(proc, place, "") < 0 ? fail_errno("cannot mount /proc") : 0;
}

static int assemble(const struct plan *plan, int root, int proc, int *covers) {
    /* Anywhere: the shared tree goes from here. */
    if (nk_move_mount(root, AT_FDCWD, TREE_ROOTFS) < 0)
        return fail_errno("cannot mount the rootfs");
    if (place_all(plan, root, covers) < 0)
        return -1;
    /* Host tools that enter the shadow need it. */
    try_to_make_folder(root, "/proc");
    /* The guest's runtime makes it where it can write. */
    if (plan->cwd)
        try_to_make_folder(root, plan->cwd);
    if (close_covers(plan, covers) < 0 || (plan->readonly && set_readonly(root) < 0) || tree_pivot(root) < 0)
        return -1;
    return place_proc(proc);
}

int view_enter(const struct plan *plan, int root, int proc) {
    cleanup_free int *covers = calloc(plan->mount_count + 1, sizeof *covers);

    if (!covers)
        return fail("no memory for %zu mounts", plan->mount_count);
    /* Slaves: what the host mounts below a volume later comes along, and nothing goes the other way. */
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail_errno("cannot copy the mount namespace");
    return assemble(plan, root, proc, covers);
}
