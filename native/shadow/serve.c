/* nk-shadow serve: a server of files, confined to a shadow's tree, for one connection of the tree's guest. */
#include "cleanup.h"
#include "commands.h"
#include "descriptors.h"
#include "fail.h"
#include "jail.h"
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct serve {
    struct jail jail;
    struct listener listener;
    char **command;
};

static int usage(const char *problem) {
    fprintf(stderr,
            "nk-shadow serve: %s\n"
            "usage: nk-shadow serve --tree SHADOW (--unix PATH UID GID | --vsock CID) [--file PATH]...\n"
            "           -- PROGRAM [ARG]...\n",
            problem);
    return 125;
}

static int parse_number(const char *text, unsigned *value) {
    char *end;
    unsigned long number;

    if (!text)
        return -1;
    number = strtoul(text, &end, 10);
    if (end == text || *end || number > 0xfffffffeu)
        return -1;
    *value = (unsigned)number;
    return 0;
}

/* Returns how many words the option has; 0: it is none, or lacks some. */
static int parse_option(struct serve *serve, char **words, int left) {
    unsigned shadow;

    if (left >= 2 && strcmp(words[0], "--tree") == 0 && parse_number(words[1], &shadow) == 0) {
        serve->jail.shadow = (pid_t)shadow;
        return 2;
    }
    if (left >= 4 && strcmp(words[0], "--unix") == 0 && parse_number(words[2], &serve->listener.uid) == 0 &&
        parse_number(words[3], &serve->listener.gid) == 0) {
        serve->listener.path = words[1];
        return 4;
    }
    if (left >= 2 && strcmp(words[0], "--vsock") == 0)
        return parse_number(words[1], &serve->listener.cid) == 0 ? 2 : 0;
    if (left >= 2 && strcmp(words[0], "--file") == 0)
        return jail_add_file(&serve->jail, words[1]) == 0 ? 2 : 0;
    return 0;
}

static const char *parse(struct serve *serve, int argc, char **argv) {
    int i = 0;

    while (i < argc && strcmp(argv[i], "--") != 0) {
        int words = parse_option(serve, argv + i, argc - i);

        if (words == 0)
            return "an option is unknown, or what it needs is missing";
        i += words;
    }
    if (i + 1 >= argc)
        return "no program given";
    serve->command = argv + i + 1;
    if (serve->jail.shadow <= 0 || !serve->listener.path == !serve->listener.cid)
        return "expected --tree, and one of --unix and --vsock";
    return jail_add_file(&serve->jail, serve->command[0]) < 0 ? "too many files" : NULL;
}

/* The connection as 0 and 1; messages go on to 2. */
static int become_program(const struct serve *serve, int connection) {
    char *environment[] = {(char[]){"LD_PRELOAD=" JAIL_PRELOAD}, NULL};

    if (dup2(connection, 0) < 0 || dup2(connection, 1) < 0)
        return fail_errno("cannot pass the connection on");
    descriptors_close_except(3, NULL, 0);
    if (jail_lock() < 0)
        return -1;
    execve(serve->command[0], serve->command, environment);
    return fail_errno("cannot run %s", serve->command[0]);
}

/* Everything that takes time comes before the port is told: a guest that connects is served at once. */
static int serve_one(struct serve *serve) {
    int connection;

    if (jail_take(&serve->jail) < 0 || listener_open(&serve->listener) < 0 || jail_enter(&serve->jail) < 0 ||
        listener_report(&serve->listener) < 0)
        return -1;
    connection = listener_accept(&serve->listener);
    return connection < 0 ? -1 : become_program(serve, connection);
}

/* In the child. A parent that died before the death signal was set is noticed as the end of `alive`. */
static int child_main(struct serve *serve, int alive) {
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(alive, &byte, 1) == 0)
        return 1;
    close(alive);
    serve_one(serve);
    fprintf(stderr, "nk-shadow serve: %s\n", fail_text());
    return 1;
}

static volatile pid_t child;

static void end_child(int signal) {
    (void)signal;
    kill(child, SIGKILL);
}

/* The first process of a pid namespace: what takes the server over can see and signal no other process.
 * SIGTERM ends it, and then us: whoever waits for us knows that nothing is left. */
static int run_child(struct serve *serve) {
    int alive[2];
    int status;

    signal(SIGCHLD, SIG_DFL);
    if (pipe2(alive, O_CLOEXEC | O_NONBLOCK) < 0 || unshare(CLONE_NEWPID) < 0)
        return fail_errno("cannot make a pid namespace");
    child = fork();
    if (child == 0) {
        close(alive[1]);
        _exit(child_main(serve, alive[0]));
    }
    if (child < 0)
        return fail_errno("cannot start a process");
    signal(SIGTERM, end_child);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int serve_command(int argc, char **argv) {
    static struct serve serve;
    const char *problem = parse(&serve, argc, argv);
    int status;

    if (problem)
        return usage(problem);
    status = run_child(&serve);
    if (status < 0)
        fprintf(stderr, "nk-shadow serve: %s\n", fail_text());
    return status < 0 ? 1 : status;
}
