/* sync: copies what a stopped container has changed on its root to a folder. It may take minutes, so a child
 * does it. */
#include "sync/sync.h"
#include "base/agent.h"
#include "base/log.h"
#include "base/text.h"
#include "common/io.h"
#include "containers/container.h"
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the host is told how far it is: it gives up when nothing moves. */
#define PROGRESS_US 1000000
/* Three for each level of folders, and some. */
#define MAX_DESCRIPTORS 4096

static struct {
    struct nk_request *request; /* NULL: nothing is copied */
    struct nk_sync_spec spec;
    struct nk_sync_report *report; /* the child writes it */
    struct nk_child child;
    struct nk_timer progress;
    struct nk_cgroup_watch quiet;
    uint64_t start_us;
    uint64_t told; /* looked + bytes, as the host knows them */
} job;

static void finish(void) {
    nk_timer_stop(&job.progress);
    munmap(job.report, sizeof *job.report);
    job.report = NULL;
    job.request = NULL;
}

static void fail(struct nk_error *e) {
    nk_answer_error(job.request, e);
    finish();
}

static json_t *problems(void) {
    json_t *list = json_array();

    for (size_t i = 0; i < NK_SYNC_MAX_PROBLEMS && job.report->problems[i][0]; i++) {
        const char *text = job.report->problems[i];
        json_array_append_new(list, nk_json_text(text, strnlen(text, NK_SYNC_PROBLEM_BYTES)));
    }
    return list;
}

static void answer(void) {
    const struct nk_sync_report *r = job.report;

    nk_step("sync", job.start_us, "%llu files, %llu bytes, %llu deleted, %llu failed",
            (unsigned long long)r->files, (unsigned long long)r->bytes, (unsigned long long)r->deleted,
            (unsigned long long)r->failed);
    nk_answer(job.request, json_pack("{s:I, s:I, s:I, s:I, s:o}", "files", (json_int_t)r->files, "bytes",
                                     (json_int_t)r->bytes, "deleted", (json_int_t)r->deleted, "failed",
                                     (json_int_t)r->failed, "problems", problems()));
    finish();
}

static void child_ended(struct nk_child *child, int status) {
    struct nk_error e;

    (void)child;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        answer();
        return;
    }
    if (WIFSIGNALED(status))
        nk_fail(&e, NK_SYSTEM, "the copying process was killed by signal %d", WTERMSIG(status));
    else
        nk_fail(&e, NK_SYSTEM, "%.400s", job.report->problems[0]);
    fail(&e);
}

static void tell_progress(struct nk_timer *timer) {
    uint64_t done = job.report->looked + job.report->bytes;

    if (done != job.told)
        nk_tell_progress(job.request,
                         json_pack("{s:I, s:I, s:I}", "looked", (json_int_t)job.report->looked, "files",
                                   (json_int_t)job.report->files, "bytes", (json_int_t)job.report->bytes));
    job.told = done;
    nk_timer_start(timer, PROGRESS_US);
}

/* In the child: nothing of the agent but this is used. */
static void copy(void) {
    const struct rlimit descriptors = {MAX_DESCRIPTORS, MAX_DESCRIPTORS};
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    syscall(SYS_close_range, 3, ~0U, 0);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    /* A container may have left little memory: better this than the agent. */
    if (nk_settings.owns_machine)
        nk_write_file(AT_FDCWD, "/proc/self/oom_score_adj", "0");
    _exit(nk_sync_run(&job.spec, job.report) < 0 ? 1 : 0);
}

static void begin(struct nk_cgroup_watch *watch) {
    struct nk_error e;
    pid_t pid = fork();

    (void)watch;
    if (pid == 0)
        copy();
    if (pid < 0) {
        nk_fail_errno(&e, "fork");
        fail(&e);
        return;
    }
    job.progress.fire = tell_progress;
    nk_timer_start(&job.progress, PROGRESS_US);
    job.child.exited = child_ended;
    nk_child_watch(&job.child, pid);
}

static int prepare(struct nk_request *request, const struct nk_container *c, struct nk_error *e) {
    if (job.request)
        return nk_fail(e, NK_BAD_STATE, "expected one copy at a time, found one under way");
    if (c->status != NK_STOPPED)
        return nk_fail(e, NK_BAD_STATE, "expected a stopped container, found it %s",
                       nk_status_name(c->status));
    memset(&job, 0, sizeof job);
    job.report = mmap(NULL, sizeof *job.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job.report == MAP_FAILED)
        return nk_fail_errno(e, "memory for the report");
    job.request = request;
    job.start_us = nk_boottime_us();
    job.spec = (struct nk_sync_spec){
        .root = nk_request_text(request, "root"),
        .upper = nk_request_text(request, "upper"),
        .target = nk_request_text(request, "target"),
        .created = c->created_at,
        .started = c->started_at,
    };
    return 0;
}

void nk_op_sync(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_find(request, &e);

    if (!c || prepare(request, c, &e) < 0) {
        nk_answer_error(request, &e);
        return;
    }
    /* What a container without a pid namespace of its own has left may still write. */
    nk_container_kill_all(c);
    job.quiet.reached = begin;
    if (!c->cgroup || nk_cgroup_watch_start(&job.quiet, c->cgroup, "populated", 0) < 0)
        begin(&job.quiet);
}

void nk_sync_stop(void) {
    if (job.child.watched)
        kill(job.child.pid, SIGKILL);
}
