/* nk-shadow exec: a session in a container that runs, with a shadow of its own. */
#include "commands.h"
#include "common/cleanup.h"
#include "common/connect.h"
#include "common/descriptors.h"
#include "common/fail.h"
#include "common/halt.h"
#include "common/userns.h"
#include "launch.h"
#include "namespaces.h"
#include "plan.h"
#include "pump.h"
#include "report.h"
#include "session.h"
#include "title.h"
#include "upgrade.h"

#include <unistd.h>

/* The process could not be started: what runc and the shells say. */
#define STATUS_NOT_STARTED 255

struct exec {
    struct plan plan;
    struct pty pty;
    int control;
    int pidfd;
};

static int check(const struct plan *plan) {
    if (plan->join <= 0 || !plan->control || !plan->endpoint || !plan->request)
        return fail("the plan needs join, control, endpoint and request");
    if (plan->terminal == TERMINAL_INHERIT && !plan->wait)
        return fail("terminal inherit needs wait");
    return 0;
}

static int prepare(void *context, int *sync) {
    struct exec *exec = context;
    struct fd_move moves[3] = {{exec->control, MONITOR_FD}, {*sync, MONITOR_FD + 1}};

    if (session_join_cgroups(&exec->plan) < 0 || session_start(&exec->plan, &exec->pty) < 0 ||
        namespaces_enter(exec->plan.join, exec->pidfd) < 0)
        return -1;
    if (descriptors_arrange(moves, 2 + terminal_move_controlling(&moves[2], TTY_FD)) < 0)
        return fail_errno("cannot arrange descriptors");
    *sync = MONITOR_FD + 1;
    return 0;
}

static int run(void *context, const struct caller *caller) {
    const struct exec *exec = context;
    const struct pump_ends ends = {MONITOR_FD, session_tty(&exec->plan), exec->plan.terminal == TERMINAL_NONE,
                                   caller};

    title_set(exec->plan.title);
    return pump_run(&ends);
}

/* The order is for the caller: its console socket is served before the process can write. */
static int set_free(struct exec *exec, struct child *child) {
    halt_at("launcher: shadow prepared");
    if (exec->plan.terminal == TERMINAL_SOCKET && pty_hand_over(&exec->pty) < 0)
        return -1;
    if (upgrade_start(exec->control, exec->plan.endpoint, child, session_first_tty(&exec->plan, &exec->pty),
                      exec->plan.request) < 0)
        return -1;
    halt_at("launcher: command started");
    pty_close(&exec->pty);
    return report_shadow(child->pid) < 0 ? -1 : launch_release(child, session_inherited_tty(&exec->plan));
}

static int launch(struct exec *exec, struct child *child) {
    const struct child_work work = {prepare, run, exec, "shadow"};

    if (launch_start(child, 0, &work) < 0)
        return -1;
    if (launch_ready(child) < 0 || set_free(exec, child) < 0) {
        launch_abort(child);
        return -1;
    }
    close(exec->control);
    close(REPORT_FD);
    return 0;
}

static int open_all(struct exec *exec) {
    if (plan_read(&exec->plan, PLAN_FD) < 0 || check(&exec->plan) < 0)
        return -1;
    close(PLAN_FD);
    session_watch_caller(&exec->plan);
    if (userns_join(exec->plan.join) < 0)
        return -1;
    exec->control = connect_unix(exec->plan.control);
    if (exec->control < 0)
        return fail_errno("cannot connect to the monitor at %s", exec->plan.control);
    if (exec->plan.terminal == TERMINAL_SOCKET && pty_open(&exec->pty, exec->plan.console_socket) < 0)
        return -1;
    return namespaces_open(exec->plan.join, &exec->pidfd);
}

int exec_command(void) {
    struct exec exec = {.pty = {-1, -1, -1}};
    struct child child;
    int status = 0;

    if (open_all(&exec) < 0 || launch(&exec, &child) < 0)
        status = report_failure(STATUS_NOT_STARTED);
    else if (exec.plan.wait)
        status = session_wait(&child);
    plan_free(&exec.plan);
    return status;
}
