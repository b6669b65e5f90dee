/*
 * nk-shadow files ROOT: makes devices and fifos and sets extended attributes below ROOT, which node cannot.
 * Standard input has records: node TYPE MODE UID GID MAJOR MINOR PATHBYTES\n        and the path; TYPE is
 * tar's: 3, 4 devices, 6 a fifo xattr PATHBYTES NAMEBYTES VALUEBYTES\n                and path, name and
 * value No link is followed, whatever the paths say. Prints how many attributes the file system does not
 * take.
 */
#include "commands.h"
#include "common/syscalls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define RESOLVE_INSIDE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
#define MAX_NAME_BYTES 255
#define MAX_VALUE_BYTES 65536

struct node {
    char type;
    unsigned mode;
    unsigned uid;
    unsigned gid;
    unsigned major;
    unsigned minor;
};

/* Reads that many bytes and ends them with NUL; names have none within. */
static int read_text(char *text, size_t bytes, size_t room) {
    if (bytes == 0 || bytes >= room || fread(text, 1, bytes, stdin) != bytes)
        return -1;
    text[bytes] = '\0';
    return strlen(text) == bytes ? 0 : -1;
}

/* The folder of the path, and its last part. */
static int open_parent(int root, char *path, const char **name) {
    char *slash = strrchr(path, '/');

    if (!slash) {
        *name = path;
        return nk_openat2(root, ".", O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
    }
    *slash = '\0';
    *name = slash + 1;
    return nk_openat2(root, path, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
}

static mode_t kind_of(char type) {
    return type == '3' ? S_IFCHR : type == '4' ? S_IFBLK : S_IFIFO;
}

static int make_node(int root, const struct node *node, char *path) {
    const char *name;
    const int parent = open_parent(root, path, &name);
    int result;

    if (parent < 0)
        return -1;
    result = mknodat(parent, name, kind_of(node->type) | 0600, makedev(node->major, node->minor));
    if (result == 0)
        result = fchownat(parent, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW);
    if (result == 0)
        result = fchmodat(parent, name, node->mode & 07777, 0);
    close(parent);
    return result;
}

/* Through the descriptor's own link: fsetxattr wants a file that is open for more than its path. */
static int set_xattr(int root, const char *path, const char *name, const void *value, size_t bytes) {
    const int file = nk_openat2(root, path, O_PATH | O_NOFOLLOW, RESOLVE_INSIDE);
    char link[32];
    int result;

    if (file < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    result = setxattr(link, name, value, bytes, 0);
    close(file);
    return result;
}

static int refused(const char *path) {
    if (errno == 0)
        errno = EINVAL;
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
}

static int take_node(int root, const char *line) {
    char path[PATH_MAX];
    struct node node;
    size_t bytes;

    if (sscanf(line, "node %c %u %u %u %u %u %zu", &node.type, &node.mode, &node.uid, &node.gid, &node.major,
               &node.minor, &bytes) != 7 ||
        read_text(path, bytes, sizeof path) < 0)
        return refused("a record");
    return make_node(root, &node, path) < 0 ? refused(path) : 0;
}

static int take_xattr(int root, const char *line, unsigned *left_out) {
    static char value[MAX_VALUE_BYTES + 1];
    char path[PATH_MAX];
    char name[MAX_NAME_BYTES + 1];
    size_t path_bytes, name_bytes, value_bytes;

    if (sscanf(line, "xattr %zu %zu %zu", &path_bytes, &name_bytes, &value_bytes) != 3 ||
        value_bytes > MAX_VALUE_BYTES || read_text(path, path_bytes, sizeof path) < 0 ||
        read_text(name, name_bytes, sizeof name) < 0 || fread(value, 1, value_bytes, stdin) != value_bytes)
        return refused("a record");
    if (set_xattr(root, path, name, value, value_bytes) == 0 || errno == ENOENT)
        return 0;
    if (errno != ENOTSUP && errno != EPERM && errno != ENOSPC && errno != E2BIG)
        return refused(path);
    ++*left_out;
    return 0;
}

int files_command(const char *root_path) {
    const int root = open(root_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    unsigned left_out = 0;
    char line[160];

    if (root < 0)
        return refused(root_path);
    umask(0);
    errno = 0;
    while (fgets(line, sizeof line, stdin)) {
        const int status =
            strncmp(line, "node ", 5) == 0 ? take_node(root, line) : take_xattr(root, line, &left_out);
        if (status != 0)
            return status;
    }
    printf("%u\n", left_out);
    return 0;
}
