/* Copying back what a container has changed on its root: from the file system that it ran on to a folder of
 * the host. Runs in a process of its own (op-sync.c). */
#ifndef NK_SYNC_H
#define NK_SYNC_H

#include <stdint.h>
#include <time.h>

#define NK_SYNC_MAX_PROBLEMS 16
#define NK_SYNC_PROBLEM_BYTES 512

/* Where files are made before they get their names; in the top folder of the target, and gone afterwards. */
#define NK_SYNC_STAGING ".nk-sync"

/* In memory that another process reads while it is written. */
struct nk_sync_report {
    volatile uint64_t looked;  /* entries of folders */
    volatile uint64_t files;   /* written */
    volatile uint64_t deleted; /* names of the target */
    volatile uint64_t bytes;   /* of content */
    volatile uint64_t failed;
    char problems[NK_SYNC_MAX_PROBLEMS][NK_SYNC_PROBLEM_BYTES]; /* of the first that failed */
};

struct nk_sync_spec {
    const char *root;   /* as the container saw it */
    const char *upper;  /* the upper side of the overlay that root is; NULL: root is no overlay */
    const char *target; /* a folder with what root was at first */
    /* CLOCK_REALTIME_COARSE, by which the kernel stamps files: what changed between them is the runtime's,
     * what changed later the container's. */
    struct timespec created;
    struct timespec started;
};

/* What cannot be copied is counted and named in the report. <0: errno, and one problem that says what could
 * not be begun. */
int nk_sync_run(const struct nk_sync_spec *spec, struct nk_sync_report *report);

#endif
