/* nk-shadow spawn: starts a daemon that inherits nothing but what it is given, and dies with its parent. */
#include "commands.h"
#include "common/cleanup.h"
#include "common/connect.h"
#include "common/descriptors.h"
#include "common/halt.h"
#include "common/signals.h"
#include "common/syscalls.h"
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_KEPT 16
#define CONNECTED_FD 3

struct options {
    int kept[MAX_KEPT];
    size_t kept_count;
    pid_t parent;
    /* Whose end is ours even when we change our user, which takes the kernel's signal off (prctl(2)). */
    pid_t guard;
    /* RLIMIT_NOFILE; 0: as it is. */
    int files;
    /* A folder that others write to meanwhile. NULL: none. */
    const char *foreign;
    /* In a network namespace of its own. */
    bool own_network;
    /* A Unix socket that it is connected to. NULL: none. */
    const char *connect;
    char **command;
};

static int usage(const char *problem) {
    fprintf(stderr,
            "nk-shadow spawn: %s\nusage: nk-shadow spawn [--keep FD]... [--parent PID] [--guard PID] "
            "[--files N] [--foreign FOLDER] [--unshare net] [--connect PATH] -- PROGRAM [ARG]...\n",
            problem);
    return 125;
}

static int parse_int(const char *text, int *value) {
    char *end;
    long number = text ? strtol(text, &end, 10) : -1;

    if (number < 0 || number > 0x7fffffff || end == text || *end)
        return -1;
    *value = (int)number;
    return 0;
}

static const char *parse(struct options *options, int argc, char **argv) {
    int i = 0;

    for (; i < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--keep") == 0) {
            if (options->kept_count == MAX_KEPT ||
                parse_int(argv[i + 1], &options->kept[options->kept_count++]) < 0)
                return "--keep needs a descriptor, at most 16 times";
        } else if (strcmp(argv[i], "--parent") == 0) {
            if (parse_int(argv[i + 1], &options->parent) < 0)
                return "--parent needs a pid";
        } else if (strcmp(argv[i], "--guard") == 0) {
            if (parse_int(argv[i + 1], &options->guard) < 0)
                return "--guard needs a pid";
        } else if (strcmp(argv[i], "--files") == 0) {
            if (parse_int(argv[i + 1], &options->files) < 0)
                return "--files needs a number";
        } else if (strcmp(argv[i], "--foreign") == 0) {
            options->foreign = argv[i + 1];
        } else if (strcmp(argv[i], "--unshare") == 0) {
            options->own_network = argv[i + 1] && strcmp(argv[i + 1], "net") == 0;
            if (!options->own_network)
                return "--unshare needs the word net";
        } else if (strcmp(argv[i], "--connect") == 0) {
            options->connect = argv[i + 1];
        } else {
            return "unknown option";
        }
    }
    if (i + 1 >= argc)
        return "no program given";
    if (options->connect && options->kept_count)
        return "expected one of --keep and --connect";
    options->command = argv + i + 1;
    return NULL;
}

static int set_limit(int files) {
    const struct rlimit limit = {(rlim_t)files, (rlim_t)files};

    return files > 0 ? setrlimit(RLIMIT_NOFILE, &limit) : 0;
}

/* For the program alone: no symbolic link in it is followed, no device opened and nothing written. It may
 * look at a path first and open it afterwards, when there is something else (a link to the host's files) in
 * its place. */
static int restrict_foreign(const char *folder) {
    struct nk_mount_attr attr = {.attr_set = NK_ATTR_RDONLY | NK_ATTR_NODEV | NK_ATTR_NOSYMFOLLOW};
    cleanup_close int copy = -1;

    if (!folder)
        return 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return -1;
    copy = nk_open_tree(AT_FDCWD, folder, NK_OPEN_TREE_CLONE | (unsigned)O_CLOEXEC | NK_AT_RECURSIVE);
    if (copy < 0 || nk_mount_setattr(copy, NK_AT_RECURSIVE, &attr) < 0)
        return -1;
    return nk_move_mount(copy, AT_FDCWD, folder);
}

/* The only descriptor that it has then. It blocks, as one that came from node would not. */
/* passt drops a frame for which there is no room. By default there is some for three large ones: with it 126
 * of 55,000 connections were lost, and a stream had an eighth of the speed (docs/performance.md). */
#define SEND_BUFFER_BYTES (16 * 1024 * 1024)

static int connect_socket(const char *path) {
    const int size = SEND_BUFFER_BYTES;
    struct fd_move move = {path ? connect_unix(path) : -1, CONNECTED_FD};

    if (!path)
        return 0;
    if (move.from < 0)
        return -1;
    /* Without CAP_NET_ADMIN as much as is allowed. */
    if (setsockopt(move.from, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        setsockopt(move.from, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return descriptors_arrange(&move, 1);
}

int spawn_command(int argc, char **argv) {
    struct options options = {.parent = getppid()};
    const char *problem = parse(&options, argc, argv);

    if (problem)
        return usage(problem);
    if (signals_die_with(options.parent) < 0)
        return 125;
    setsid();
    descriptors_close_except(3, options.kept, options.kept_count);
    for (size_t i = 0; i < options.kept_count; i++)
        fcntl(options.kept[i], F_SETFD, 0);
    signals_reset();
    if (set_limit(options.files) < 0 || (options.guard > 0 && guard_start(options.guard) < 0)) {
        fprintf(stderr, "nk-shadow spawn: limit or guard: %s\n", strerror(errno));
        return 125;
    }
    /* The guard is not in it, so that it goes with the program. */
    if (options.own_network && unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "nk-shadow spawn: network namespace: %s\n", strerror(errno));
        return 125;
    }
    if (connect_socket(options.connect) < 0) {
        fprintf(stderr, "nk-shadow spawn: cannot connect to %s: %s\n", options.connect, strerror(errno));
        return 125;
    }
    if (restrict_foreign(options.foreign) < 0) {
        fprintf(stderr, "nk-shadow spawn: cannot restrict %s: %s\n", options.foreign, strerror(errno));
        return 125;
    }
    halt_at("daemon: before its program");
    /* Not execvp, which has the shell run a program that is for another kind of machine. */
    execv(options.command[0], options.command);
    fprintf(stderr, "nk-shadow spawn: cannot run %s: %s\n", options.command[0], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
