/* nk-shadow serve: a server of files, confined to a shadow's tree, for one connection of the tree's guest. */
#include "commands.h"
#include "common/descriptors.h"
#include "common/fail.h"
#include "common/words.h"
#include "jail.h"
#include "listen.h"
#include "supervise.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Of the guest's files at once; each one that it holds open is one of the server's. */
#define MAX_FILES 65536

struct serve {
    struct jail jail;
    struct listener listener;
    char **command;
};

static int usage(const char *problem) {
    fprintf(stderr,
            "nk-shadow serve: %s\n"
            "usage: nk-shadow serve --tree SHADOW (--unix PATH UID GID | --vsock CID)\n"
            "           [--file PATH]... -- PROGRAM [ARG]...\n",
            problem);
    return 125;
}

/* Returns how many words the option has; 0: it is none, or lacks some. */
static int parse_option(struct serve *serve, char **words, int left) {
    if (left >= 4 && strcmp(words[0], "--unix") == 0 && words_number(words[2], &serve->listener.uid) == 0 &&
        words_number(words[3], &serve->listener.gid) == 0) {
        serve->listener.path = words[1];
        return 4;
    }
    if (left >= 2 && strcmp(words[0], "--vsock") == 0)
        return words_number(words[1], &serve->listener.cid) == 0 ? 2 : 0;
    return jail_option(&serve->jail, words, left);
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

/* diod lifts these limits itself, and says so and ends when it cannot. */
static int lift_limits(void) {
    static const int unlimited[] = {RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_CORE, RLIMIT_AS};

    for (size_t i = 0; i < sizeof unlimited / sizeof unlimited[0]; i++) {
        if (raise_limit(unlimited[i], RLIM_INFINITY) < 0)
            return -1;
    }
    return 0;
}

/* The connection as 0 and 1; messages go on to 2. */
static int become_program(const struct serve *serve, int connection) {
    struct jail_lock lock = {.owners = true, .files = MAX_FILES};
    char *environment[] = {(char[]){"LD_PRELOAD=" JAIL_PRELOAD}, NULL};

    if (dup2(connection, 0) < 0 || dup2(connection, 1) < 0)
        return fail_errno("cannot pass the connection on");
    descriptors_close_except(3, NULL, 0);
    if (lift_limits() < 0)
        return fail_errno("cannot lift the server's limits");
    if (jail_lock(&lock) < 0)
        return -1;
    execve(serve->command[0], serve->command, environment);
    return fail_errno("cannot run %s", serve->command[0]);
}

/* Everything that takes time comes before the port is told: a guest that connects is served at once. */
static int serve_one(void *context, int alive) {
    struct serve *serve = context;
    int connection;

    close(alive); /* It stays root. */

    if (jail_take(&serve->jail) < 0 || listener_open(&serve->listener) < 0 || jail_enter(&serve->jail) < 0 ||
        listener_report(&serve->listener) < 0)
        return -1;
    connection = listener_accept(&serve->listener);
    return connection < 0 ? -1 : become_program(serve, connection);
}

int serve_command(int argc, char **argv) {
    static struct serve serve = {.jail.preload = true};
    const char *problem = parse(&serve, argc, argv);
    int status;

    if (problem)
        return usage(problem);
    status = supervise("serve", -1, serve_one, &serve);
    if (status < 0)
        fprintf(stderr, "nk-shadow serve: %s\n", fail_text());
    return status < 0 ? 1 : status;
}
