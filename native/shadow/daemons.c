#include "daemons.h"

#include "common/descriptors.h"
#include "common/halt.h"
#include "common/signals.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SOCKETS (PLAN_MAX_CHANNELS + 2)
/* Of all daemons together, in the environment. */
#define MAX_TEXT_BYTES 1024
/* A daemon that is not ready by then says why itself, or its monitor does. */
#define LISTENS_TIMEOUT_MS 10000

enum { OUTPUT, STATUS, CHANNELS };

/* The connected sockets between us and a daemon. */
struct sockets {
    int ours[MAX_SOCKETS];
    int theirs[MAX_SOCKETS];
    size_t count;
};

static int open_sockets(struct sockets *sockets, unsigned channels) {
    for (sockets->count = 0; sockets->count < CHANNELS + channels; sockets->count++) {
        int pair[2];

        /* Not close-on-exec: the monitor has ours. */
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            return -1;
        sockets->ours[sockets->count] = pair[0];
        sockets->theirs[sockets->count] = pair[1];
    }
    return 0;
}

static void close_theirs(const struct sockets *sockets) {
    for (size_t i = 0; i < sockets->count; i++)
        close(sockets->theirs[i]);
}

/* What a daemon may wait for. */
struct awaited {
    int before; /* the status of the daemon before; -1: none */
    int tree;
};

/* Until the one before can be connected to, or has ended. It says so to the monitor: nothing is read here. */
static void await_listening(int status) {
    struct pollfd said = {.fd = status, .events = POLLIN};

    poll(&said, 1, LISTENS_TIMEOUT_MS);
}

/* Returns only when it failed, with errno. */
static void become_daemon(const struct plan_daemon *daemon, const struct sockets *sockets, pid_t parent,
                          struct awaited awaited) {
    struct fd_move moves[MAX_SOCKETS + 1];
    size_t count = 0;

    if (signals_die_with(parent) < 0 || setsid() < 0)
        return;
    if (awaited.before >= 0)
        await_listening(awaited.before);
    for (size_t i = CHANNELS; i < sockets->count; i++, count++)
        moves[count] = (struct fd_move){sockets->theirs[i], 3 + (int)count};
    moves[count] = (struct fd_move){sockets->theirs[STATUS], 3 + (int)count};
    count++;
    moves[count] = (struct fd_move){awaited.tree, 3 + (int)count};
    if (dup2(sockets->theirs[OUTPUT], 1) < 0 || dup2(sockets->theirs[OUTPUT], 2) < 0 ||
        descriptors_arrange(moves, count + 1) < 0)
        return;
    halt_at("daemon: before its program");
    execv(daemon->argv[0], daemon->argv);
}

/* Appends what the monitor has to know. */
static int describe(char *text, size_t size, const struct plan_daemon *daemon, pid_t pid,
                    const struct sockets *sockets) {
    struct timespec now;
    size_t used = strlen(text);

    clock_gettime(CLOCK_MONOTONIC, &now);
    used += (size_t)snprintf(text + used, size - used, "%s%s:%d:%" PRId64, used ? " " : "", daemon->name,
                             (int)pid, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    for (size_t i = 0; i < sockets->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%c%d", i ? ',' : ':', sockets->ours[i]);
    if (used < size)
        return 0;
    errno = E2BIG;
    return -1;
}

static int start_one(const struct plan_daemon *daemon, struct sockets *sockets, struct awaited awaited,
                     char *text) {
    const pid_t us = getpid();
    pid_t pid;

    if (open_sockets(sockets, daemon->channels) < 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        become_daemon(daemon, sockets, us, awaited);
        fprintf(stderr, "nk-shadow: cannot run %s: %s\n", daemon->argv[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    close_theirs(sockets);
    return describe(text, MAX_TEXT_BYTES, daemon, pid, sockets);
}

int daemons_start(const struct plan *plan, int tree) {
    char text[MAX_TEXT_BYTES] = "";
    struct sockets sockets;

    for (size_t i = 0; i < plan->daemon_count; i++) {
        const struct awaited awaited = {i > 0 ? sockets.ours[STATUS] : -1, tree};

        if (start_one(&plan->daemons[i], &sockets, awaited, text) < 0)
            return -1;
    }
    return plan->daemon_count ? setenv("NK_DAEMONS", text, 1) : unsetenv("NK_DAEMONS");
}
