/* Runs of an OCI runtime's program inside the VM. */
#ifndef NK_RUN_H
#define NK_RUN_H

#include "base/child.h"
#include "base/error.h"
#include "base/log.h"
#include "wire/request.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct nk_container;
struct nk_process;

#define NK_MAX_TAIL 16

struct nk_run {
    struct nk_child child; /* first: its callback casts back */
    char step[32];
    char command[NK_STEP_DETAIL_BYTES]; /* as it was started, cut to fit */
    uint64_t start_us;
    char log_path[108];
    char input_path[108]; /* a file made for this run; "": none */
    char pid_path[108];   /* where the runtime writes a pid; "": nowhere */
    int words_fd;         /* what the runtime may have said elsewhere than in its log; -1: nothing */
    struct nk_container *container;
    struct nk_process *process; /* what create and exec make */
    struct nk_request *request;
    /* The run is over and freed after this. e is NULL when it went well; pid is that of pid_path. */
    void (*done)(struct nk_run *run, pid_t pid, struct nk_error *e);
};

/* A run for a container. NULL, with the error: no memory. */
struct nk_run *nk_run_new(struct nk_container *container, const char *step, struct nk_request *request,
                          void (*done)(struct nk_run *, pid_t, struct nk_error *), struct nk_error *e);

/* NULL is nothing. */
void nk_run_free(struct nk_run *run);

/* Starts `runtime <global options> <tail…>`; tail ends with NULL. stdio NULL: /dev/null. The run stays the
 * caller's on failure. */
int nk_run_start(struct nk_run *run, const char *const tail[], const int stdio[3], struct nk_error *e);

#endif
