#include "sync.h"

#include "common/cleanup.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

void nk_sync_problem(struct nk_sync *s, const char *what) {
    uint64_t number = s->report->failed++;
    int saved = errno;

    if (number < NK_SYNC_MAX_PROBLEMS)
        snprintf(s->report->problems[number], NK_SYNC_PROBLEM_BYTES, "/%.400s: cannot %s: %s", s->path, what,
                 strerror(saved));
}

size_t nk_sync_enter(struct nk_sync *s, const char *name) {
    size_t before = s->path_bytes;
    int n = snprintf(s->path + before, sizeof s->path - before, "%s%s", before > 0 ? "/" : "", name);

    if (n > 0 && (size_t)n < sizeof s->path - before)
        s->path_bytes += (size_t)n;
    else
        s->path[before] = '\0';
    return before;
}

void nk_sync_leave(struct nk_sync *s, size_t path_bytes) {
    s->path_bytes = path_bytes;
    s->path[path_bytes] = '\0';
}

const char *nk_sync_next(const struct nk_sync *s, const struct nk_names *names, const char *name) {
    do
        name = nk_names_next(names, name);
    while (name && s->depth == 0 && strcmp(name, NK_SYNC_STAGING) == 0);
    return name;
}

int nk_sync_open_from(int folder, const char *name, int flags) {
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH,
    };

    return (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
}

int nk_sync_open_to(int folder, const char *name) {
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_before(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

bool nk_sync_is_containers(const struct nk_sync *s, const struct stat *info) {
    return !is_before(&info->st_ctim, &s->spec->started);
}

bool nk_sync_is_runtimes(const struct nk_sync *s, const struct stat *info) {
    return !nk_sync_is_containers(s, info) && !is_before(&info->st_ctim, &s->spec->created);
}

static void walk(struct nk_sync *s, int upper, struct nk_sync_pair pair) {
    struct stat info;

    if (s->spec->upper) {
        nk_sync_walk_upper(s, upper, pair);
    } else {
        if (fstat(pair.from, &info) == 0 && nk_sync_is_containers(s, &info))
            nk_sync_remove_surplus(s, pair);
        nk_sync_walk_changed(s, pair);
    }
    if (s->incomplete_links > 0)
        nk_sync_relink(s, pair);
}

/* Not before it is needed: a target that nothing is written to stays as it is, with its times. */
int nk_sync_need_staging(struct nk_sync *s) {
    if (s->staging >= 0)
        return 0;
    if (mkdirat(s->target, NK_SYNC_STAGING, 0700) < 0)
        return -1;
    s->staging = nk_sync_open_to(s->target, NK_SYNC_STAGING);
    if (s->staging < 0)
        return -1;
    /* What is made in it would inherit the group and the access control list, which it has inherited itself.
     */
    fremovexattr(s->staging, "system.posix_acl_default");
    return fchown(s->staging, 0, 0) < 0 || fchmod(s->staging, 0700) < 0 ? -1 : 0;
}

static void remove_staging(struct nk_sync *s) {
    if (s->staging < 0)
        return;
    nk_sync_drop_links(s);
    close(s->staging);
    if (unlinkat(s->target, NK_SYNC_STAGING, AT_REMOVEDIR) < 0)
        nk_sync_problem(s, "remove the folder " NK_SYNC_STAGING);
}

static void run(struct nk_sync *s, int upper, struct nk_sync_pair pair) {
    struct stat info;

    /* What an earlier copy has left, which was cut off. */
    nk_sync_remove(s, pair.to, NK_SYNC_STAGING);
    s->report->deleted = 0;
    walk(s, upper, pair);
    remove_staging(s);
    if (s->report->files + s->report->deleted > 0 ||
        (fstat(pair.from, &info) == 0 && nk_sync_is_containers(s, &info)))
        nk_sync_folder_attributes(s, pair);
}

int nk_sync_run(const struct nk_sync_spec *spec, struct nk_sync_report *report) {
    struct nk_sync s = {.spec = spec, .report = report, .staging = -1};
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    cleanup_close int from = open(spec->root, flags);
    cleanup_close int to = open(spec->target, flags);
    cleanup_close int upper = spec->upper ? open(spec->upper, flags) : -1;

    umask(0);
    if (from < 0 || to < 0 || (spec->upper && upper < 0)) {
        nk_sync_problem(&s, "open the folders to copy from and to");
        return -1;
    }
    s.target = to;
    run(&s, upper, (struct nk_sync_pair){.from = from, .to = to});
    return 0;
}
