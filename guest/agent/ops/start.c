/* start, stop, kill, resize: a container's own process, and sessions. */
#include "base/agent.h"
#include "base/log.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "containers/container.h"
#include "operations.h"
#include "runtimes/run.h"
#include "runtimes/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

static void started(struct nk_container *c, struct nk_request *request) {
    if (c->status == NK_CREATED)
        c->status = NK_RUNNING;
    nk_answer(request, json_pack("{s:i, s:s}", "pid", (int)c->init.pid, "message", "Container started"));
}

static void done(struct nk_run *run, pid_t pid, struct nk_error *failure) {
    struct nk_container *c = run->container;

    (void)pid;
    if (failure)
        nk_answer_error(run->request, failure);
    else
        started(c, run->request);
    /* It may have ended meanwhile; the answer goes before the event. */
    c->init.held = false;
    nk_process_report(&c->init);
}

void nk_op_start(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);
    uint64_t start_us = nk_boottime_us();
    struct nk_run *run;

    if (!c) {
        nk_answer_error(request, &e);
        return;
    }
    if (c->status != NK_CREATED || c->init.held) {
        nk_fail(&e, NK_BAD_STATE, "expected a created container, found it %s", nk_status_name(c->status));
        nk_answer_error(request, &e);
        return;
    }
    clock_gettime(CLOCK_REALTIME_COARSE, &c->started_at);
    if (c->runtime->start_at_once(c)) {
        nk_step("start", start_us, "%s", c->id);
        started(c, request);
        return;
    }
    run = nk_run_new(c, "runtime start", request, done, &e);
    if (!run || c->runtime->start(run, &e) < 0) {
        nk_run_free(run);
        nk_answer_error(request, &e);
        return;
    }
    c->init.held = true;
}

static void stop_timed_out(struct nk_timer *timer) {
    struct nk_container *c =
        (struct nk_container *)((char *)timer - offsetof(struct nk_container, stop_timer));

    nk_container_kill_all(c);
}

void nk_op_stop(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);
    uint64_t timeout_us = (uint64_t)nk_request_int(request, "timeoutMs", 10000) * 1000;

    if (!c) {
        nk_answer_error(request, &e);
        return;
    }
    if (c->status == NK_CREATING) {
        nk_fail(&e, NK_BAD_STATE, "expected a container, found it creating");
        nk_answer_error(request, &e);
        return;
    }
    if (c->status == NK_STOPPED) {
        nk_answer(request, NULL);
        return;
    }
    request->next = c->stops;
    c->stops = request;
    c->stop_timer.fire = stop_timed_out;
    if (timeout_us == 0 || c->status == NK_CREATED) {
        nk_container_kill_all(c);
        return;
    }
    kill(c->init.pid, SIGTERM);
    nk_timer_start(&c->stop_timer, timeout_us);
}

static int kill_everything(struct nk_container *c, int signal, struct nk_error *e) {
    pid_t pids[4096];
    size_t count;

    if (c->status == NK_CREATING)
        return nk_fail(e, NK_BAD_STATE, "expected a container, found it creating");
    if (signal == SIGKILL) {
        nk_container_kill_all(c);
        nk_process_expect_end(&c->init);
        for (struct nk_process *p = c->sessions; p; p = p->next)
            nk_process_expect_end(p);
        return 0;
    }
    count = nk_container_pids(c, pids, sizeof pids / sizeof pids[0]);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], signal);
    return 0;
}

static int kill_one(struct nk_process *p, int signal, struct nk_error *e) {
    if (signal == SIGKILL)
        nk_process_expect_end(p);
    if (p->pid > 0 && p->reaped && !p->reported)
        return 0;
    if (p->pid <= 0 || p->reaped)
        return nk_fail(e, NK_BAD_STATE, "expected a running process, found it %s",
                       p->reaped ? "ended" : "not started");
    return kill(p->pid, signal) < 0 ? nk_fail_errno(e, "kill %d with signal %d", p->pid, signal) : 0;
}

void nk_op_kill(struct nk_request *request) {
    struct nk_error e;
    struct nk_process *p = nk_container_find_process(request, &e);
    int signal = (int)nk_request_int(request, "signal", 0);
    int ret = -1;

    if (p && nk_request_bool(request, "all"))
        ret = kill_everything(p->container, signal, &e);
    else if (p)
        ret = kill_one(p, signal, &e);
    if (ret < 0)
        nk_answer_error(request, &e);
    else
        nk_answer(request, NULL);
}

void nk_op_resize(struct nk_request *request) {
    struct nk_error e;
    struct nk_process *p = nk_container_find_process(request, &e);
    unsigned short rows = (unsigned short)nk_request_int(request, "rows", 0);
    unsigned short cols = (unsigned short)nk_request_int(request, "cols", 0);

    if (p && p->pty < 0) {
        nk_fail(&e, NK_BAD_STATE, "expected a process with a terminal, found none");
        p = NULL;
    } else if (p && nk_process_resize(p, rows, cols) < 0) {
        nk_fail_errno(&e, "resize");
        p = NULL;
    }
    if (p)
        nk_answer(request, NULL);
    else
        nk_answer_error(request, &e);
}
