/* The OCI runtimes of the VM: how each does what the protocol asks for. */
#ifndef NK_RUNTIMES_H
#define NK_RUNTIMES_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

struct nk_container;
struct nk_run;

/*
 * A function that takes a run starts it: 0, and run->done is called once when it is over. <0 with the error:
 * nothing has been started, and the run is still the caller's.
 */
struct nk_runtime_ops {
    const char *name;           /* as requests and hello have it */
    const char *const *options; /* of its own, before the command's word. Ended by NULL */

    /* run->process is what it makes; stdio is that process's unless it has a terminal. */
    int (*create)(struct nk_run *run, const int stdio[3], struct nk_error *e);
    int (*exec)(struct nk_run *run, const json_t *process, const int stdio[3], struct nk_error *e);
    int (*start)(struct nk_run *run, struct nk_error *e);
    int (*delete)(struct nk_run *run, struct nk_error *e);
    int (*pause)(struct nk_run *run, struct nk_error *e);
    int (*resume)(struct nk_run *run, struct nk_error *e);
    int (*update)(struct nk_run *run, const json_t *resources, struct nk_error *e);

    /* The same as start, done already when it returns. False: it cannot be done so. */
    bool (*start_at_once)(const struct nk_container *c);
    /* The same for delete. Nothing of the container runs any more. */
    bool (*delete_at_once)(const struct nk_container *c);
};

/* By its name; NULL: there is none. */
const struct nk_runtime_ops *nk_runtime_named(const char *name);

/* For hello: "runtime:crun", … for each whose program is in the image. */
json_t *nk_runtime_features(void);

#endif
