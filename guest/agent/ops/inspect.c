/* state, ps, stats: looking at a container. */
#include "containers/container.h"
#include "machine/ps.h"
#include "machine/stats.h"
#include "operations.h"

#define MAX_PROCESSES 4096
/* Leaves room in a control frame of 1 MiB for escapes and for what is around the list. */
#define MAX_LIST_BYTES (400u << 10)

void nk_op_state(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);
    int pid;

    if (!c) {
        nk_answer_error(request, &e);
        return;
    }
    pid = c->init.reaped ? 0 : (int)c->init.pid;
    nk_answer(request,
              json_pack("{s:{s:s, s:i}}", "container", "status", nk_status_name(c->status), "pid", pid));
}

void nk_op_ps(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);
    pid_t pids[MAX_PROCESSES];
    size_t count;
    size_t bytes = 0;
    json_t *list;

    if (!c) {
        nk_answer_error(request, &e);
        return;
    }
    list = json_array();
    count = nk_container_pids(c, pids, MAX_PROCESSES);
    for (size_t i = 0; i < count && bytes < MAX_LIST_BYTES; i++)
        json_array_append_new(list, nk_ps_read(pids[i], &bytes));
    nk_answer(request, json_pack("{s:o}", "processes", list));
}

void nk_op_stats(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);

    if (c && !c->cgroup) {
        nk_fail(&e, NK_SYSTEM, "expected a cgroup of version 2 for the container, found none");
        c = NULL;
    }
    if (c)
        nk_answer(request, json_pack("{s:o}", "stats", nk_stats_read(c->cgroup)));
    else
        nk_answer_error(request, &e);
}
