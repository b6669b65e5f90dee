#include "container.h"

#include "base/agent.h"
#include "base/rundir.h"

#include <stdlib.h>
#include <string.h>

/* An exit that was on its way when the connection broke is sent again: of so many that came last. */
#define MAX_TOLD 4

struct nk_containers_user nk_containers_user;

static struct nk_container *containers;
static unsigned container_count;
static unsigned session_count;

static struct nk_container *find(const char *id) {
    struct nk_container *c = containers;

    while (c && strcmp(c->id, id) != 0)
        c = c->next;
    return c;
}

struct nk_container *nk_container_find(const struct nk_request *request, struct nk_error *e) {
    const char *id = nk_request_text(request, "id");
    struct nk_container *c = find(id);

    if (!c)
        nk_fail(e, NK_NOT_FOUND, "no container \"%.64s\"", id);
    return c;
}

static struct nk_process *find_session(struct nk_container *c, const char *name) {
    struct nk_process *p = c->sessions;

    while (p && strcmp(p->session, name) != 0)
        p = p->next;
    return p;
}

struct nk_process *nk_container_find_process(const struct nk_request *request, struct nk_error *e) {
    const char *name = nk_request_text(request, "session");
    struct nk_container *c = nk_container_find(request, e);
    struct nk_process *p;

    if (!c)
        return NULL;
    if (!name || !*name)
        return &c->init;
    p = find_session(c, name);
    if (!p)
        nk_fail(e, NK_NOT_FOUND, "no session \"%s\" in container \"%.64s\"", name, c->id);
    return p;
}

struct nk_container *nk_container_new(const char *id, struct nk_error *e) {
    struct nk_container *c;

    if (find(id)) {
        nk_fail(e, NK_EXISTS, "container \"%.64s\" is already there", id);
        return NULL;
    }
    if (container_count >= NK_MAX_CONTAINERS) {
        nk_fail(e, NK_LIMIT, "expected at most %d containers", NK_MAX_CONTAINERS);
        return NULL;
    }
    c = calloc(1, sizeof *c);
    if (c)
        c->id = strdup(id);
    if (!c || !c->id) {
        free(c);
        nk_fail_errno(e, "container");
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME_COARSE, &c->created_at);
    c->init.container = c;
    c->init.pty = c->init.console_listener = -1;
    c->freeze.source.fd = -1;
    c->next = containers;
    containers = c;
    container_count++;
    return c;
}

/* All but the last ones. */
static void free_told(struct nk_container *c, unsigned keep) {
    struct nk_process **at = &c->told;

    while (*at && keep-- > 0)
        at = &(*at)->next;
    while (*at) {
        struct nk_process *p = *at;
        *at = p->next;
        nk_process_close(p);
        free(p);
    }
}

void nk_container_free(struct nk_container *c) {
    static const struct nk_error deleted = {NK_BAD_STATE, "the container was deleted meanwhile", ""};

    for (struct nk_container **at = &containers; *at; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    container_count--;
    while (c->sessions)
        nk_session_free(c->sessions);
    free_told(c, 0);
    nk_process_close(&c->init);
    nk_timer_stop(&c->stop_timer);
    nk_loop_close(&c->freeze.source);
    if (c->freeze_request)
        nk_answer_error(c->freeze_request, &deleted);
    if (c->owns_bundle)
        nk_remove_tree(c->bundle);
    free(c->bundle);
    free(c->cgroup);
    free(c->id);
    free(c);
}

struct nk_process *nk_session_new(struct nk_container *c, const char *name, struct nk_error *e) {
    struct nk_process *p;

    if (find_session(c, name)) {
        nk_fail(e, NK_EXISTS, "session \"%s\" is already there", name);
        return NULL;
    }
    if (session_count >= NK_MAX_SESSIONS) {
        nk_fail(e, NK_LIMIT, "expected at most %d sessions", NK_MAX_SESSIONS);
        return NULL;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        nk_fail_errno(e, "session");
        return NULL;
    }
    snprintf(p->session, sizeof p->session, "%s", name);
    p->container = c;
    p->pty = p->console_listener = -1;
    p->next = c->sessions;
    c->sessions = p;
    session_count++;
    return p;
}

static void unlink_session(struct nk_process *p) {
    for (struct nk_process **at = &p->container->sessions; *at; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    session_count--;
}

void nk_session_free(struct nk_process *p) {
    unlink_session(p);
    nk_process_close(p);
    free(p);
}

const char *nk_status_name(enum nk_status status) {
    static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};

    return names[status];
}

bool nk_container_had_oom(const struct nk_container *c) {
    return c->cgroup && nk_cgroup_value(c->cgroup, "memory.events", "oom_kill") > 0;
}

static bool is_alive(const struct nk_process *p) {
    return p->pid > 0 && !p->reaped;
}

bool nk_container_is_busy(const struct nk_container *c) {
    const struct nk_process *p = c->sessions;

    while (p && !is_alive(p))
        p = p->next;
    return c->runs > 0 || is_alive(&c->init) || p;
}

static void keep_told_sessions(struct nk_container *c) {
    struct nk_process *next;

    for (struct nk_process *p = c->sessions; p; p = next) {
        next = p->next;
        if (!nk_process_is_over(p))
            continue;
        unlink_session(p);
        nk_process_retire(p);
        p->next = c->told;
        c->told = p;
    }
    free_told(c, MAX_TOLD);
}

static void answer_stops(struct nk_container *c) {
    nk_timer_stop(&c->stop_timer);
    while (c->stops) {
        struct nk_request *request = c->stops;
        c->stops = request->next;
        nk_answer(request, NULL);
    }
}

void nk_container_changed(struct nk_container *c) {
    keep_told_sessions(c);
    if (c->init.reaped) {
        c->status = NK_STOPPED;
        answer_stops(c);
    }
    if (c->delete_request && !nk_container_is_busy(c))
        nk_containers_user.may_delete(c);
    nk_containers_user.changed();
}

void nk_containers_kill(void) {
    for (struct nk_container *c = containers; c; c = c->next) {
        c->dying = true;
        nk_container_kill_all(c);
    }
}

bool nk_containers_are_quiet(void) {
    struct nk_container *c = containers;

    while (c && !nk_container_is_busy(c))
        c = c->next;
    return !c;
}

static void unreport(struct nk_process *p) {
    for (; p; p = p->next)
        p->reported = false;
}

void nk_containers_unreport(void) {
    for (struct nk_container *c = containers; c; c = c->next) {
        c->init.reported = false;
        unreport(c->sessions);
        unreport(c->told);
    }
}

static void report(struct nk_process *p) {
    for (; p; p = p->next)
        nk_process_send_exit(p);
}

void nk_containers_report(void) {
    struct nk_container *next;

    for (struct nk_container *c = containers; c; c = next) {
        next = c->next;
        nk_process_send_exit(&c->init);
        report(c->told);
        report(c->sessions);
        nk_container_changed(c);
    }
}
