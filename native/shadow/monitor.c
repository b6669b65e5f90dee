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
#include <unistd.h>

/* Close-on-exec: carries errno of an exec that failed. */
enum { CONNECTION_FD = 3, STATUS_FD = 5 };

static int open_streams(const struct plan *plan) {
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cleanup_close int log = open(plan->monitor_log ? plan->monitor_log : "/dev/null",
                                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        return -1;
    return 0;
}

/* In the child. Returns only when it failed, with errno; `status` is then where to tell it. */
static void become_monitor(const struct plan *plan, int connection, int *status, pid_t shadow) {
    const struct fd_move moves[] = {
        {connection, CONNECTION_FD},
        {REPORT_FD, REPORT_FD},
        {*status, STATUS_FD},
    };
    char pid[16];

    snprintf(pid, sizeof pid, "%d", (int)shadow);
    signals_reset();
    /* The VM runs for the container and is accounted to it. */
    if (session_join_late(plan) < 0 || setsid() < 0 || open_streams(plan) < 0 ||
        descriptors_arrange(moves, 3) < 0)
        return;
    *status = STATUS_FD;
    if (nk_set_cloexec(STATUS_FD, 1) < 0 || chdir("/") < 0 || setenv("NK_SHADOW_PID", pid, 1) < 0 ||
        daemons_start(plan) < 0)
        return;
    halt_at("monitor: before its program");
    execvp(plan->monitor[0], plan->monitor);
}

int monitor_start(const struct plan *plan, int connection, pid_t shadow) {
    int status[2];
    int error = 0;
    ssize_t got;
    pid_t pid;

    if (pipe2(status, O_CLOEXEC) < 0)
        return fail_errno("cannot make a pipe");
    pid = fork();
    if (pid == 0) {
        become_monitor(plan, connection, &status[1], shadow);
        error = errno;
        nk_write_all(status[1], &error, sizeof error);
        _exit(127);
    }
    close(status[1]);
    if (pid < 0)
        return fail_errno("cannot start the monitor");
    got = nk_read_full(status[0], &error, sizeof error);
    close(status[0]);
    if (got == 0)
        return 0;
    errno = error;
    return fail_errno("cannot start the monitor %s (log %s)", plan->monitor[0],
                      plan->monitor_log ? plan->monitor_log : "/dev/null");
}
