/* exec: a session in a running container. */
#include "common/io.h"
#include "containers/container.h"
#include "operations.h"
#include "runtimes/run.h"
#include "runtimes/runtime.h"

#include <fcntl.h>
#include <signal.h>

static void done(struct nk_run *run, pid_t pid, struct nk_error *failure) {
    struct nk_process *p = run->process;
    struct nk_container *c = run->container;
    struct nk_error terminal_failure;

    if (!failure && nk_process_take_terminal(p, &terminal_failure) < 0) {
        kill(pid, SIGKILL);
        failure = &terminal_failure;
    }
    if (failure) {
        nk_answer_error(run->request, failure);
        nk_session_free(p);
        nk_container_changed(c);
        return;
    }
    nk_answer(run->request, json_pack("{s:i}", "pid", (int)pid));
    if (c->dying)
        kill(pid, SIGKILL);
    nk_process_run(p, pid);
}

/* The process starts at once: the runtime must set the size of its terminal. */
static void describe_terminal(json_t *process, const struct nk_process *p) {
    json_object_set_new(process, "terminal", json_boolean(p->terminal));
    if (p->terminal && p->rows > 0 && p->cols > 0 && !json_object_get(process, "consoleSize"))
        json_object_set_new(process, "consoleSize",
                            json_pack("{s:i, s:i}", "height", p->rows, "width", p->cols));
}

static int start_runtime(struct nk_process *p, struct nk_request *request, const int stdio[3],
                         struct nk_error *e) {
    struct nk_run *run = nk_run_new(p->container, "runtime exec", request, done, e);
    json_t *process = json_object_get(request->body, "process");

    if (!run)
        return -1;
    run->process = p;
    describe_terminal(process, p);
    if (p->container->runtime->exec(run, process, stdio, e) == 0)
        return 0;
    nk_run_free(run);
    return -1;
}

static struct nk_process *new_session(const struct nk_request *request, struct nk_error *e) {
    struct nk_container *c = nk_container_find(request, e);

    if (!c)
        return NULL;
    /* In a frozen container the runtime itself would freeze. */
    /* runc takes one in a container whose own process waits for its start, too. */
    if ((c->status != NK_RUNNING && c->status != NK_CREATED) || c->delete_request) {
        nk_fail(e, NK_BAD_STATE, "expected a container that runs, found it %s", nk_status_name(c->status));
        return NULL;
    }
    return nk_session_new(c, nk_request_text(request, "session"), e);
}

void nk_op_exec(struct nk_request *request) {
    struct nk_error e;
    struct nk_process *p = new_session(request, &e);
    int stdio[3] = {-1, -1, -1};
    int ret = -1;

    if (p && nk_process_open(p, request, stdio, &e) == 0)
        ret = start_runtime(p, request, stdio, &e);
    nk_process_close_stdio(stdio);
    if (ret == 0)
        return;
    if (p)
        nk_session_free(p);
    nk_answer_error(request, &e);
}
