#include "monitor.h"

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/fail.h"
#include "common/halt.h"
#include "common/io.h"
#include "common/signals.h"
#include "daemons.h"
#include "report.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The last three are close-on-exec: of the launcher, and errno of an exec that failed. */
enum { CONNECTION_FD = 3, GO_FD = 5, TREE_FD = 6, STATUS_FD = 7 };

static int open_streams(const struct plan *plan) {
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cleanup_close int log = open(plan->monitor_log ? plan->monitor_log : "/dev/null",
                                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        return -1;
    return 0;
}

struct ends {
    int go, tree, status;
};

/* In the child: all but its program. */
static int prepare(const struct plan *plan, int connection, struct ends *ends, pid_t shadow) {
    const struct fd_move moves[] = {
        {connection, CONNECTION_FD}, {REPORT_FD, REPORT_FD},    {ends->go, GO_FD},
        {ends->tree, TREE_FD},       {ends->status, STATUS_FD},
    };
    char pid[16];

    snprintf(pid, sizeof pid, "%d", (int)shadow);
    signals_reset();
    /* The VM runs for the container and is accounted to it. */
    if (session_join_late(plan) < 0 || setsid() < 0 || open_streams(plan) < 0 ||
        descriptors_arrange(moves, 5) < 0)
        return -1;
    *ends = (struct ends){GO_FD, TREE_FD, STATUS_FD};
    for (int fd = GO_FD; fd <= STATUS_FD; fd++)
        nk_set_cloexec(fd, 1);
    return chdir("/") < 0 || setenv("NK_SHADOW_PID", pid, 1) < 0 ? -1 : daemons_start(plan, TREE_FD);
}

/* In the child. A launcher that gives up, or dies, closes its end: then all of it ends. */
static void become_monitor(const struct plan *plan, int connection, struct ends *ends, pid_t shadow,
                           pid_t launcher) {
    char byte;
    int error;

    /* Whatever it is waiting for. Its daemons go with it. */
    if (signals_die_with(launcher) < 0)
        _exit(0);
    if (prepare(plan, connection, ends, shadow) == 0) {
        if (nk_read_full(ends->go, &byte, 1) != 1)
            _exit(0);
        prctl(PR_SET_PDEATHSIG, 0);
        halt_at("monitor: before its program");
        execvp(plan->monitor[0], plan->monitor);
    }
    error = errno;
    nk_write_all(ends->status, &error, sizeof error);
    _exit(127);
}

int monitor_start(struct monitor *monitor, const struct plan *plan, int connection, pid_t shadow) {
    int go[2], tree[2], status[2];
    const pid_t launcher = getpid();
    pid_t pid;

    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(tree, O_CLOEXEC) < 0 || pipe2(status, O_CLOEXEC) < 0)
        return fail_errno("cannot make a pipe");
    pid = fork();
    if (pid == 0) {
        struct ends ends = {go[0], tree[0], status[1]};

        close(go[1]);
        close(tree[1]);
        become_monitor(plan, connection, &ends, shadow, launcher);
    }
    close(go[0]);
    close(tree[0]);
    close(status[1]);
    *monitor = (struct monitor){go[1], tree[1], status[0]};
    return pid < 0 ? fail_errno("cannot start the monitor") : 0;
}

int monitor_tree_ready(const struct monitor *monitor, const struct plan *plan) {
    for (size_t i = 0; i < plan->daemon_count; i++) {
        if (nk_write_all(monitor->tree, "", 1) < 0)
            return fail_errno("the monitor has ended (log %s)", plan->monitor_log);
    }
    return 0;
}

int monitor_go(struct monitor *monitor, const struct plan *plan) {
    int error = 0;
    ssize_t got;

    /* One that has ended says why by its status. */
    nk_write_all(monitor->go, "", 1);
    got = nk_read_full(monitor->status, &error, sizeof error);
    close(monitor->go);
    close(monitor->tree);
    close(monitor->status);
    if (got == 0)
        return 0;
    errno = error;
    return fail_errno("cannot start the monitor %s (log %s)", plan->monitor[0],
                      plan->monitor_log ? plan->monitor_log : "/dev/null");
}
