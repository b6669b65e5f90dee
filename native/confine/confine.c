/* nk-shadow confine: a VMM or the server of a share in a root of its own, with the sockets that it is given.
 */
#include "commands.h"
#include "common/connect.h"
#include "common/descriptors.h"
#include "common/fail.h"
#include "common/halt.h"
#include "common/io.h"
#include "common/userns.h"
#include "common/words.h"
#include "jail.h"
#include "listen.h"
#include "supervise.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SOCKETS 8
#define MAX_ENVIRONMENT 4
/* Above those of the program, below where descriptors_arrange() parks them. */
#define ALIVE_FD 63

struct socket_option {
    const char *path; /* NULL: a descriptor that is there, and kept */
    bool listens;
    int number; /* in the program */
};

struct confine {
    struct jail jail;
    struct jail_lock lock;
    struct tap tap;
    struct socket_option sockets[MAX_SOCKETS];
    size_t socket_count;
    char *environment[MAX_ENVIRONMENT + 1];
    size_t environment_count;
    int status_fd; /* -1: none */
    int tree_fd;   /* says that the tree is there; -1: it is */
    char **command;
};

static int usage(const char *problem) {
    fprintf(stderr,
            "nk-shadow confine: %s\n"
            "usage: nk-shadow confine [--tree SHADOW] [--user UID | --user-from UID]\n"
            "           [--locks-itself] [--unlocked] [--files N]\n"
            "           [--env NAME=VALUE]... [--file PATH]... [--bind SOURCE NAME ro|rw]...\n"
            "           [--device PATH]... [--keep FD]... [--listen FD PATH]... [--connect FD PATH]...\n"
            "           [--tap FD QUEUES [vhost]] [--host-network]\n"
            "           [--status FD] [--await-tree FD]\n"
            "           -- PROGRAM [ARG]...\n",
            problem);
    return 125;
}

static int parse_socket(struct confine *confine, char **words, int left) {
    struct socket_option *socket = &confine->sockets[confine->socket_count];
    bool keep = strcmp(words[0], "--keep") == 0;
    bool listens = strcmp(words[0], "--listen") == 0;
    unsigned number;

    if (!keep && !listens && strcmp(words[0], "--connect") != 0)
        return 0;
    if (left < (keep ? 2 : 3) || confine->socket_count == MAX_SOCKETS || words_number(words[1], &number) < 0)
        return 0;
    confine->socket_count++;
    *socket = (struct socket_option){keep ? NULL : words[2], listens, (int)number};
    return keep ? 2 : 3;
}

/* Returns how many words the option has; 0: it is none, or lacks some. */
static int parse_option(struct confine *confine, char **words, int left) {
    int count = parse_socket(confine, words, left);
    unsigned number;

    if (count > 0 || (count = tap_option(&confine->tap, words, left)) > 0)
        return count;
    if (strcmp(words[0], "--locks-itself") == 0)
        return confine->lock.locks_itself = true;
    if (strcmp(words[0], "--host-network") == 0)
        return confine->lock.internet = true;
    if (strcmp(words[0], "--unlocked") == 0)
        return confine->lock.unlocked = true;
    if (left >= 2 && strcmp(words[0], "--user") == 0)
        return words_number(words[1], &confine->jail.user) == 0 ? 2 : 0;
    if (left >= 2 && strcmp(words[0], "--user-from") == 0 &&
        words_number(words[1], &confine->jail.user) == 0) {
        confine->jail.user += (unsigned)getppid();
        return 2;
    }
    if (left >= 2 && strcmp(words[0], "--status") == 0 && words_number(words[1], &number) == 0) {
        confine->status_fd = (int)number;
        return 2;
    }
    if (left >= 2 && strcmp(words[0], "--await-tree") == 0 && words_number(words[1], &number) == 0) {
        confine->tree_fd = (int)number;
        return 2;
    }
    if (left >= 2 && strcmp(words[0], "--files") == 0)
        return words_number(words[1], &confine->lock.files) == 0 ? 2 : 0;
    if (left >= 2 && strcmp(words[0], "--env") == 0 && confine->environment_count < MAX_ENVIRONMENT) {
        confine->environment[confine->environment_count++] = words[1];
        return 2;
    }
    return jail_option(&confine->jail, words, left);
}

static const char *parse(struct confine *confine, int argc, char **argv) {
    int i = 0;

    while (i < argc && strcmp(argv[i], "--") != 0) {
        int words = parse_option(confine, argv + i, argc - i);

        if (words == 0)
            return "an option is unknown, or what it needs is missing";
        i += words;
    }
    if (i + 1 >= argc)
        return "no program given";
    confine->command = argv + i + 1;
    confine->jail.proc = true;
    confine->jail.keeps_network = confine->tap.queues > 0 || confine->lock.internet;
    confine->lock.owners = confine->jail.shadow > 0;
    confine->lock.user = confine->jail.user;
    if (confine->jail.user && confine->jail.shadow)
        return "expected one of --tree and --user: files of others are served by root";
    return jail_add_file(&confine->jail, confine->command[0]) < 0 ? "expected a program by its full path"
                                                                  : NULL;
}

static int open_socket(const struct socket_option *option) {
    struct listener listener = {.path = option->path};
    int fd;

    if (!option->path)
        return option->number;
    if (option->listens)
        return listener_open(&listener) < 0 ? -1 : listener.fd;
    fd = connect_unix(option->path);
    return fd < 0 ? fail_errno("cannot connect to %s", option->path) : fd;
}

/* While the host's paths can be named. Returns how many. */
static int open_sockets(const struct confine *confine, struct fd_move *moves) {
    int fds[2 * TAP_MAX_QUEUES];
    int count = (int)confine->socket_count;
    int taps = tap_open(&confine->tap, fds);

    for (int i = 0; i < count; i++) {
        moves[i] = (struct fd_move){open_socket(&confine->sockets[i]), confine->sockets[i].number};
        if (moves[i].from < 0)
            return -1;
    }
    for (int i = 0; i < taps; i++)
        moves[count + i] = (struct fd_move){fds[i], (int)confine->tap.first_fd + i};
    return taps < 0 ? -1 : count + taps;
}

/* Whoever connects to a socket of ours can: shadow/daemons.c. */
static void tell_listening(int status_fd) {
    if (status_fd >= 0)
        dprintf(status_fd, "listening\n");
}

/* A holder that prepares itself has a tree that is not whole yet, or the host's. */
static int await_tree(int tree_fd) {
    char byte;

    if (tree_fd >= 0 && nk_read_full(tree_fd, &byte, 1) != 1)
        return fail("the holder of the tree has ended");
    return 0;
}

static int become_program(void *context, int alive) {
    struct confine *confine = context;
    struct fd_move moves[MAX_SOCKETS + 2 * TAP_MAX_QUEUES + 1];
    int count = open_sockets(confine, moves);

    if (count < 0)
        return -1;
    tell_listening(confine->status_fd);
    if (await_tree(confine->tree_fd) < 0 || jail_take(&confine->jail) < 0 || jail_enter(&confine->jail) < 0)
        return -1;
    moves[count] = (struct fd_move){alive, ALIVE_FD};
    if (descriptors_arrange(moves, (size_t)count + 1) < 0)
        return fail_errno("cannot arrange descriptors");
    if (jail_lock(&confine->lock) < 0 || supervised_again(ALIVE_FD) < 0)
        return -1;
    halt_at("confined: before its program");
    execve(confine->command[0], confine->command, confine->environment);
    return fail_errno("cannot run %s", confine->command[0]);
}

int confine_command(int argc, char **argv) {
    static struct confine confine = {.lock.files = 65536, .status_fd = -1, .tree_fd = -1};
    const char *problem = parse(&confine, argc, argv);
    int status;

    if (problem)
        return usage(problem);
    /* Here, so that its namespace is that of the pid by which others know it. */
    status = userns_make();
    if (status == 0)
        status = tap_unshare(&confine.tap);
    if (status == 0)
        status = supervise("confine", confine.status_fd, become_program, &confine);
    if (status >= 0)
        return status;
    fprintf(stderr, "nk-shadow confine: %s\n", fail_text());
    supervise_tell(confine.status_fd, W_EXITCODE(1, 0));
    return 1;
}
