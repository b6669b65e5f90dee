/* delete: what the runtime and the agent have of a container. */
#include "base/log.h"
#include "common/io.h"
#include "containers/container.h"
#include "operations.h"
#include "runtimes/run.h"
#include "runtimes/runtime.h"

static void gone(struct nk_container *c, struct nk_request *request) {
    /* Output that nobody gave credit for does not keep an exit status back. */
    nk_process_give_up(&c->init);
    for (struct nk_process *p = c->sessions; p; p = p->next)
        nk_process_give_up(p);
    nk_answer(request, NULL);
    nk_container_free(c);
    nk_shutdown_continue();
}

static void done(struct nk_run *run, pid_t pid, struct nk_error *failure) {
    struct nk_container *c = run->container;

    (void)pid;
    if (!failure) {
        gone(c, run->request);
        return;
    }
    nk_answer_error(run->request, failure);
    nk_shutdown_continue();
}

void nk_delete_now(struct nk_container *c) {
    struct nk_request *request = c->delete_request;
    uint64_t start_us = nk_boottime_us();
    struct nk_error e;
    struct nk_run *run;

    c->delete_request = NULL;
    if (c->runtime->delete_at_once(c)) {
        nk_step("delete", start_us, "%s", c->id);
        gone(c, request);
        return;
    }
    run = nk_run_new(c, "runtime delete", request, done, &e);
    if (run && c->runtime->delete (run, &e) == 0)
        return;
    nk_run_free(run);
    nk_answer_error(request, &e);
}

void nk_op_delete(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);
    bool force = nk_request_bool(request, "force");

    if (!c) {
        nk_answer_error(request, &e);
        return;
    }
    if (c->delete_request || (c->status != NK_STOPPED && !force)) {
        nk_fail(&e, NK_BAD_STATE, "expected a stopped container, found it %s",
                c->delete_request ? "being deleted" : nk_status_name(c->status));
        nk_answer_error(request, &e);
        return;
    }
    c->delete_request = request;
    c->dying = true;
    /* Its create goes on from here when the runtime has ended: create.c. */
    if (c->status == NK_CREATING)
        return;
    nk_container_kill_all(c);
    nk_container_changed(c);
}
