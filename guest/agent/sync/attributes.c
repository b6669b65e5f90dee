#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* xattr(7): the kernel's own limits of a list of names, and of a value. */
#define LIST_BYTES 65536
#define VALUE_BYTES 65536

/* What an overlay keeps in them says nothing of the file. */
#define OVERLAY "trusted.overlay."

/* A path by which calls that take one do not walk: they do not know descriptors of folders. */
struct place {
    char path[NAME_MAX + 64];
};

static struct place place_of(int folder, const char *name) {
    struct place place;

    snprintf(place.path, sizeof place.path, "/proc/self/fd/%d/%s", folder, name);
    return place;
}

/* The length of the list; a file system without such attributes has none. */
static ssize_t list_of(const char *path, char list[LIST_BYTES]) {
    ssize_t n = llistxattr(path, list, LIST_BYTES);

    return n < 0 && errno == ENOTSUP ? 0 : n;
}

static bool is_same_value(const char *path, const char *name, const char *value, ssize_t size) {
    static char there[VALUE_BYTES];

    return lgetxattr(path, name, there, sizeof there) == size && memcmp(value, there, (size_t)size) == 0;
}

static int copy_xattrs(const char *from, const char *to) {
    static char list[LIST_BYTES];
    static char value[VALUE_BYTES];
    ssize_t n = list_of(from, list);

    for (const char *name = list; n > 0 && name < list + n; name += strlen(name) + 1) {
        ssize_t size;
        if (strncmp(name, OVERLAY, sizeof OVERLAY - 1) == 0)
            continue;
        size = lgetxattr(from, name, value, sizeof value);
        if (size < 0)
            return -1;
        if (!is_same_value(to, name, value, size) && lsetxattr(to, name, value, (size_t)size, 0) < 0)
            return -1;
    }
    return n < 0 ? -1 : 0;
}

static int remove_other_xattrs(const char *from, const char *to) {
    static char list[LIST_BYTES];
    ssize_t n = list_of(to, list);

    for (const char *name = list; n > 0 && name < list + n; name += strlen(name) + 1) {
        if (lgetxattr(from, name, NULL, 0) < 0 && errno == ENODATA && lremovexattr(to, name) < 0)
            return -1;
    }
    return n < 0 ? -1 : 0;
}

int nk_sync_set_attributes(struct nk_sync *s, int from, const char *name, int to, const char *made,
                           const struct stat *info) {
    const struct timespec times[] = {info->st_atim, info->st_mtim};
    struct place in = place_of(from, name);
    struct place out = place_of(to, made);
    bool is_roots = info->st_uid == 0 && info->st_gid == 0;

    /* Each of these is a message to the host. In this order: a new owner takes set-user-id bits and
     * capabilities away. */
    if (!is_roots && fchownat(to, made, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if ((info->st_mode & 07000) && !S_ISLNK(info->st_mode) &&
        fchmodat(to, made, info->st_mode & 07777, 0) < 0)
        return -1;
    if (copy_xattrs(in.path, out.path) < 0)
        nk_sync_problem(s, "set its extended attributes");
    return utimensat(to, made, times, AT_SYMLINK_NOFOLLOW);
}

/* An ext4 image has whole seconds. */
static bool is_same_time(const struct timespec *from, const struct timespec *to) {
    return from->tv_sec == to->tv_sec && (from->tv_nsec == to->tv_nsec || from->tv_nsec == 0);
}

void nk_sync_folder_attributes(struct nk_sync *s, struct nk_sync_pair pair) {
    struct place in = place_of(pair.from, ".");
    struct place out = place_of(pair.to, ".");
    struct stat from;
    struct stat to;
    bool owner;

    if (fstat(pair.from, &from) < 0 || fstat(pair.to, &to) < 0) {
        nk_sync_problem(s, "look at the folder");
        return;
    }
    owner = from.st_uid != to.st_uid || from.st_gid != to.st_gid;
    if ((owner && fchown(pair.to, from.st_uid, from.st_gid) < 0) ||
        ((owner || from.st_mode != to.st_mode) && fchmod(pair.to, from.st_mode & 07777) < 0))
        nk_sync_problem(s, "set the folder's owner and mode");
    if (copy_xattrs(in.path, out.path) < 0 || remove_other_xattrs(in.path, out.path) < 0)
        nk_sync_problem(s, "set the folder's extended attributes");
    if (!is_same_time(&from.st_mtim, &to.st_mtim) &&
        futimens(pair.to, (const struct timespec[]){from.st_atim, from.st_mtim}) < 0)
        nk_sync_problem(s, "set the folder's times");
}

static bool is_same_link(struct nk_sync_pair pair, const char *name) {
    char from[PATH_MAX];
    char to[PATH_MAX];
    ssize_t n = readlinkat(pair.from, name, from, sizeof from);

    return n >= 0 && readlinkat(pair.to, name, to, sizeof to) == n && memcmp(from, to, (size_t)n) == 0;
}

bool nk_sync_is_same(struct nk_sync_pair pair, const char *name, const struct stat *from,
                     const struct stat *to) {
    if (from->st_mode != to->st_mode || from->st_uid != to->st_uid || from->st_gid != to->st_gid)
        return false;
    if (S_ISREG(from->st_mode))
        return from->st_size == to->st_size && is_same_time(&from->st_mtim, &to->st_mtim);
    if (S_ISLNK(from->st_mode))
        return is_same_link(pair, name);
    return from->st_rdev == to->st_rdev;
}
