/* pause, resume, update: a container's cgroup. */
#include "containers/container.h"
#include "operations.h"
#include "runtimes/run.h"
#include "runtimes/runtime.h"

#include <stddef.h>
#include <string.h>

static void finish(struct nk_container *c, struct nk_request *request, bool frozen) {
    if (c->status != NK_STOPPED)
        c->status = frozen ? NK_PAUSED : NK_RUNNING;
    nk_answer(request, NULL);
}

static void reached(struct nk_cgroup_watch *watch) {
    struct nk_container *c = (struct nk_container *)((char *)watch - offsetof(struct nk_container, freeze));
    struct nk_request *request = c->freeze_request;

    c->freeze_request = NULL;
    finish(c, request, watch->value == 1);
}

static void run_done(struct nk_run *run, pid_t pid, struct nk_error *failure) {
    struct nk_container *c = run->container;

    (void)pid;
    if (failure)
        nk_answer_error(run->request, failure);
    else
        finish(c, run->request, strcmp(run->step, "runtime pause") == 0);
    nk_container_changed(c);
}

/* Without a cgroup of version 2 the runtime must know how. */
static int ask_runtime(struct nk_container *c, struct nk_request *request, bool frozen, struct nk_error *e) {
    struct nk_run *run = nk_run_new(c, frozen ? "runtime pause" : "runtime resume", request, run_done, e);

    if (run && (frozen ? c->runtime->pause(run, e) : c->runtime->resume(run, e)) == 0)
        return 0;
    nk_run_free(run);
    return -1;
}

static int freeze(struct nk_container *c, struct nk_request *request, bool frozen, struct nk_error *e) {
    if (!c->cgroup)
        return ask_runtime(c, request, frozen, e);
    if (nk_cgroup_freeze(c->cgroup, frozen) < 0)
        return nk_fail_errno(e, "cgroup.freeze");
    c->freeze.reached = reached;
    c->freeze_request = request;
    if (nk_cgroup_watch_start(&c->freeze, c->cgroup, "frozen", frozen) == 0)
        return 0;
    c->freeze_request = NULL;
    return nk_fail_errno(e, "cgroup.events");
}

static void change(struct nk_request *request, enum nk_status expected, bool frozen) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);

    if (c && (c->status != expected || c->freeze_request || c->delete_request)) {
        nk_fail(&e, NK_BAD_STATE, "expected a %s container, found it %s", nk_status_name(expected),
                c->freeze_request ? "changing" : nk_status_name(c->status));
        c = NULL;
    }
    if (!c || freeze(c, request, frozen, &e) < 0)
        nk_answer_error(request, &e);
}

void nk_op_pause(struct nk_request *request) {
    change(request, NK_RUNNING, true);
}

void nk_op_resume(struct nk_request *request) {
    change(request, NK_PAUSED, false);
}

static void updated(struct nk_run *run, pid_t pid, struct nk_error *failure) {
    (void)pid;
    if (failure)
        nk_answer_error(run->request, failure);
    else
        nk_answer(run->request, NULL);
    nk_container_changed(run->container);
}

static int update(struct nk_container *c, struct nk_request *request, struct nk_error *e) {
    struct nk_run *run = nk_run_new(c, "runtime update", request, updated, e);

    if (run && c->runtime->update(run, json_object_get(request->body, "resources"), e) == 0)
        return 0;
    nk_run_free(run);
    return -1;
}

void nk_op_update(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);

    if (c && (c->status == NK_CREATING || c->status == NK_STOPPED || c->delete_request)) {
        nk_fail(&e, NK_BAD_STATE, "expected a container with a process, found it %s",
                nk_status_name(c->status));
        c = NULL;
    }
    if (!c || update(c, request, &e) < 0)
        nk_answer_error(request, &e);
}
