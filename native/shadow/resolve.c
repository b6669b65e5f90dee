#include "resolve.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/syscalls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LINKS 40

/* `done` has no symbolic links and is relative to the root; `todo` is what remains to be walked. */
struct walk {
    int root;
    int links;
    char done[PATH_MAX];
    char todo[PATH_MAX];
};

static int open_inside(int root, const char *path, uint64_t flags) {
    return nk_openat2(root, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* Takes the first component off `todo`. False at the end. */
static bool take_component(struct walk *walk, char *name) {
    const char *start = walk->todo + strspn(walk->todo, "/");
    size_t length = strcspn(start, "/");

    if (length == 0 || length > NAME_MAX)
        return false;
    memcpy(name, start, length);
    name[length] = '\0';
    memmove(walk->todo, start + length, strlen(start + length) + 1);
    return true;
}

static void drop_last(char *path) {
    char *slash = strrchr(path, '/');

    *(slash ? slash : path) = '\0';
}

static int append(char *path, const char *name) {
    size_t used = strlen(path);
    int wanted = snprintf(path + used, PATH_MAX - used, "%s%s", used ? "/" : "", name);

    if (wanted < 0 || (size_t)wanted >= PATH_MAX - used) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

static int follow_link(struct walk *walk, const char *target) {
    char rest[PATH_MAX];

    if (++walk->links > MAX_LINKS) {
        errno = ELOOP;
        return -1;
    }
    memcpy(rest, walk->todo, sizeof rest);
    if (snprintf(walk->todo, sizeof walk->todo, "%s/%s", target, rest) >= (int)sizeof walk->todo) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (target[0] == '/')
        walk->done[0] = '\0';
    return 0;
}

static int make(int parent, const char *name, bool directory) {
    int fd;

    if (directory)
        return mkdirat(parent, name, 0755);
    fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int step(struct walk *walk, const char *name, bool directory) {
    char target[PATH_MAX];
    bool last = walk->todo[strspn(walk->todo, "/")] == '\0';
    cleanup_close int parent = open_inside(walk->root, walk->done[0] ? walk->done : ".", O_DIRECTORY);
    ssize_t length;

    if (parent < 0)
        return -1;
    length = readlinkat(parent, name, target, sizeof target - 1);
    if (length >= 0) {
        target[length] = '\0';
        return follow_link(walk, target);
    }
    /* EINVAL: it is there and not a link. */
    if (errno == ENOENT ? make(parent, name, !last || directory) < 0 : errno != EINVAL)
        return -1;
    return append(walk->done, name);
}

static int make_path(int root, const char *dest, bool directory) {
    struct walk walk = {.root = root};
    char name[NAME_MAX + 1];

    if (snprintf(walk.todo, sizeof walk.todo, "%s", dest) >= (int)sizeof walk.todo) {
        errno = ENAMETOOLONG;
        return -1;
    }
    while (take_component(&walk, name)) {
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0)
            drop_last(walk.done);
        else if (step(&walk, name, directory) < 0)
            return -1;
    }
    return 0;
}

static bool is_root(int root, int fd) {
    struct stat a, b;

    return fstat(root, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int resolve_mount_point(int root, const char *dest, bool directory) {
    cleanup_close int fd = open_inside(root, dest, 0);

    if (fd < 0 && errno == ENOENT) {
        if (make_path(root, dest, directory) < 0)
            return fail_errno("cannot make the mount point %s in the rootfs", dest);
        fd = open_inside(root, dest, 0);
    }
    if (fd < 0)
        return fail_errno("cannot open the mount point %s in the rootfs", dest);
    if (is_root(root, fd))
        return fail("the mount point %s is the rootfs itself", dest);
    return nk_take_fd(&fd);
}
