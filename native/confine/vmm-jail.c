/* nk-shadow jail: a folder in memory that only the program sees, with files of the host in it. */
#include "commands.h"
#include "common/cleanup.h"
#include "common/fail.h"
#include "common/syscalls.h"
#include "common/words.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Firecracker's jailer copies its program there: some MB, or some tens with debug symbols. */
#define TMPFS_OPTIONS "mode=0755,size=256m"

/* Kernel, initramfs, log, some disks. */
#define MAX_BINDS 16

static int usage(void) {
    fputs("usage: nk-shadow jail FOLDER ROOT [--tap UID] [--bind SOURCE NAME ro|rw]... -- PROGRAM [ARG]...\n"
          "       ROOT: below FOLDER, where the files appear\n"
          "       UID: has a tap in the network namespace that we are in\n",
          stderr);
    return 125;
}

static int failed(const char *what, const char *path) {
    fprintf(stderr, "nk-shadow jail: %s %s: %s\n", what, path, strerror(errno));
    return -1;
}

static int make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return failed("mkdir", path);
        if (!slash)
            return 0;
        *slash = '/';
    }
}

/* A namespace of its own: what is mounted here goes with the program, and nobody has to take it off. */
static int make_folder(const char *folder, char *root) {
    if (unshare(CLONE_NEWNS) < 0)
        return failed("unshare", "mounts");
    if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return failed("propagation of", "/");
    if (mount("jail", folder, "tmpfs", MS_NOSUID, TMPFS_OPTIONS) < 0)
        return failed("tmpfs on", folder);
    return make_folders(root);
}

struct bind {
    const char *source;
    const char *name;
    int tree;
};

/* Copies of the sources' mounts, taken while we are in the namespace of whoever opened them: a path like
 * /proc/PID/fd/N leads to a mount of that one, which cannot be bound from another. */
static int take(struct bind *bind, char **words) {
    struct nk_mount_attr read_only = {.attr_set = NK_ATTR_RDONLY};

    bind->source = words[1];
    bind->name = words[2];
    bind->tree = nk_open_tree(AT_FDCWD, bind->source, NK_OPEN_TREE_CLONE | O_CLOEXEC);
    if (bind->tree < 0)
        return failed("copy of the mount of", bind->source);
    if (strcmp(words[3], "ro") == 0 && nk_mount_setattr(bind->tree, 0, &read_only) < 0)
        return failed("read-only mount of", bind->source);
    return 0;
}

static int put(const struct bind *bind, int root) {
    int fd = openat(root, bind->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return failed("create", bind->name);
    close(fd);
    return nk_move_mount(bind->tree, root, bind->name) < 0 ? failed("mount of", bind->source) : 0;
}

static int furnish(const char *root, const struct bind *binds, int count) {
    cleanup_close int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return failed("open", root);
    for (int i = 0; i < count; i++) {
        if (put(&binds[i], fd) < 0)
            return -1;
    }
    return 0;
}

/* Made here, for what comes out of the jailer has no rights to make one. */
static int leave_tap(const char *user) {
    unsigned number;

    if (words_number(user, &number) < 0)
        return usage();
    if (tap_leave(number) == 0)
        return 0;
    fprintf(stderr, "nk-shadow jail: %s\n", fail_text());
    return 125;
}

int jail_command(int argc, char **argv) {
    struct bind binds[MAX_BINDS];
    int count = 0;
    int i = 2;

    if (i + 1 < argc && strcmp(argv[i], "--tap") == 0) {
        if (leave_tap(argv[i + 1]) != 0)
            return 125;
        i += 2;
    }
    for (; i + 3 < argc && strcmp(argv[i], "--bind") == 0 && count < MAX_BINDS; i += 4) {
        if (take(&binds[count++], argv + i) < 0)
            return 125;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
        return usage();
    if (make_folder(argv[0], argv[1]) < 0 || furnish(argv[1], binds, count) < 0)
        return 125;
    execv(argv[i + 1], argv + i + 1);
    failed("run", argv[i + 1]);
    return errno == ENOENT ? 127 : 126;
}
