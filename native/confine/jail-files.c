/* The files of the host that are in a jail. */
#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"
#include "common/syscalls.h"
#include "jail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A file that root alone can read, as kernels are on Ubuntu, becomes a copy in memory that the jail's user
 * can read. */
static int take_content(struct jail_file *file, mode_t mode) {
    file->mode = mode & S_IXUSR ? 0555 : 0444;
    file->content = open(file->source, O_RDONLY | O_CLOEXEC);
    return file->content < 0 ? fail_errno("cannot open %s for the jail", file->source) : 0;
}

/* How a jail whose user is not root gets it. */
static int take_for_user(struct jail_file *file) {
    struct stat info;

    if (stat(file->source, &info) < 0)
        return fail_errno("cannot take %s into the jail", file->source);
    if (S_ISCHR(info.st_mode))
        file->device = info.st_rdev;
    if (S_ISREG(info.st_mode) && (file->attributes & NK_ATTR_RDONLY) && !(info.st_mode & S_IROTH))
        return take_content(file, info.st_mode);
    return 0;
}

int jail_take_file(const struct jail *jail, struct jail_file *file) {
    struct nk_mount_attr attr = {.attr_set = file->attributes, .propagation = MS_PRIVATE};

    if (jail->user && take_for_user(file) < 0)
        return -1;
    file->mount = nk_open_tree(AT_FDCWD, file->source, NK_OPEN_TREE_CLONE | (unsigned)O_CLOEXEC);
    if (file->mount < 0 || nk_mount_setattr(file->mount, 0, &attr) < 0)
        return fail_errno("cannot take %s into the jail", file->source);
    return 0;
}

static int make_folders(const char *path) {
    char folder[4096];

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            return fail_errno("cannot make the folder of %s", path);
    }
    return 0;
}

int jail_write_file(const char *path, const char *bytes, size_t size) {
    cleanup_close int fd = -1;

    if (make_folders(path) < 0)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    if (fd < 0 || nk_write_all(fd, bytes, size) < 0)
        return fail_errno("cannot write %s", path);
    return 0;
}

static int copy_content(const struct jail_file *file) {
    cleanup_close int to = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
    ssize_t sent = 1;

    while (to >= 0 && sent > 0)
        sent = sendfile(to, file->content, NULL, 1 << 20);
    if (to < 0 || sent < 0)
        return fail_errno("cannot copy %s into the jail", file->source);
    close(file->content);
    return 0;
}

/* A node of the user's own: that of the host belongs to root, or to a group. Where none may be made (in a
 * container that has no such right) the host's is what there is. */
static bool make_node(const struct jail *jail, const struct jail_file *file) {
    return mknod(file->name, S_IFCHR | 0600, file->device) == 0 &&
           lchown(file->name, jail->user, jail->user) == 0;
}

static int put_mount(const struct jail_file *file) {
    if (jail_write_file(file->name, "", 0) < 0) /* something to mount on */
        return -1;
    if (nk_move_mount(file->mount, AT_FDCWD, file->name) < 0)
        return fail_errno("cannot put %s into the jail", file->source);
    return 0;
}

int jail_place_file(const struct jail *jail, const struct jail_file *file) {
    int placed = 0;

    if (make_folders(file->name) < 0)
        return -1;
    if (file->content >= 0)
        placed = copy_content(file);
    else if (!file->device || !make_node(jail, file))
        placed = put_mount(file);
    close(file->mount);
    return placed;
}
