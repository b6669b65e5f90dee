/* The containers of this VM. */
#ifndef NK_CONTAINER_H
#define NK_CONTAINER_H

#include "base/error.h"
#include "base/loop.h"
#include "machine/cgroup.h"
#include "process.h"
#include "wire/request.h"

#include <stdbool.h>
#include <time.h>

struct nk_runtime_ops;

enum nk_status { NK_CREATING, NK_CREATED, NK_RUNNING, NK_PAUSED, NK_STOPPED };

struct nk_container {
    struct nk_container *next;
    char *id;
    const struct nk_runtime_ops *runtime;
    enum nk_status status;
    struct nk_process init;
    struct nk_process *sessions;
    struct nk_process *told; /* sessions that are over: whether the host has heard it is not known */
    /* CLOCK_REALTIME_COARSE, by which the kernel stamps files */
    struct timespec created_at;
    struct timespec started_at;
    bool dying;    /* to be deleted by force, or the VM ends: what still starts is killed */
    unsigned runs; /* of the runtime, under way */
    char *bundle;  /* the folder of config.json */
    bool owns_bundle;
    char *cgroup; /* NULL: unknown, or not of version 2 */
    bool has_poststart_hooks;
    bool has_poststop_hooks;

    struct nk_request *stops; /* answered when the container's process is gone */
    struct nk_timer stop_timer;
    struct nk_request *delete_request;
    struct nk_request *freeze_request;
    struct nk_cgroup_watch freeze;
};

/* What the operations do for containers: set by main. */
struct nk_containers_user {
    /* A container that is to be deleted is not busy any more. May free it. */
    void (*may_delete)(struct nk_container *c);
    /* One of them has changed. */
    void (*changed)(void);
};

extern struct nk_containers_user nk_containers_user;

/* NULL and EXISTS or LIMIT. */
struct nk_container *nk_container_new(const char *id, struct nk_error *e);

/* Of a request's "id"; NULL and NOT_FOUND. */
struct nk_container *nk_container_find(const struct nk_request *request, struct nk_error *e);

/* Of a request's "id" and "session"; NULL and NOT_FOUND. */
struct nk_process *nk_container_find_process(const struct nk_request *request, struct nk_error *e);

/* Frees a container with all that the agent has of it: the runtime's own state is not touched. */
void nk_container_free(struct nk_container *c);

/* A new exec session; NULL and EXISTS or LIMIT. */
struct nk_process *nk_session_new(struct nk_container *c, const char *name, struct nk_error *e);
void nk_session_free(struct nk_process *p);

const char *nk_status_name(enum nk_status status);

/* A process has ended or was reported, or a run is over: does what has waited for it. May free c. */
void nk_container_changed(struct nk_container *c);

/* Some process in it was killed because of its memory limit. */
bool nk_container_had_oom(const struct nk_container *c);

/* A process of it, or a run of the runtime, is still there. */
bool nk_container_is_busy(const struct nk_container *c);

/* SIGKILLs everything in it, now. */
void nk_container_kill_all(struct nk_container *c);

/* The pids in it, at most max, by its cgroup or by its pid namespace. */
size_t nk_container_pids(const struct nk_container *c, pid_t *out, size_t max);

/* All containers: kills what there is and what is still being made; true if none is busy; forgets which exits
 * have been sent, and sends those that have not. */
void nk_containers_kill(void);
bool nk_containers_are_quiet(void);
void nk_containers_unreport(void);
void nk_containers_report(void);

#endif
