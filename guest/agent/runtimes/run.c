#include "run.h"

#include "base/agent.h"
#include "base/log.h"
#include "base/rundir.h"
#include "command-line.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "containers/container.h"
#include "program.h"
#include "runtime-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>

struct nk_run *nk_run_new(struct nk_container *container, const char *step, struct nk_request *request,
                          void (*done)(struct nk_run *, pid_t, struct nk_error *), struct nk_error *e) {
    struct nk_run *run = calloc(1, sizeof *run);

    if (!run) {
        nk_fail_errno(e, "run of the runtime");
        return NULL;
    }
    snprintf(run->step, sizeof run->step, "%s", step);
    run->words_fd = -1;
    run->container = container;
    run->request = request;
    run->done = done;
    return run;
}

void nk_run_free(struct nk_run *run) {
    const char *paths[3];

    if (!run)
        return;
    paths[0] = run->log_path;
    paths[1] = run->input_path;
    paths[2] = run->pid_path;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (*paths[i])
            unlink(paths[i]);
    }
    nk_cleanup_close(&run->words_fd);
    free(run);
}

static pid_t read_pid(const char *path) {
    char text[32];

    if (!*path || nk_read_file(AT_FDCWD, path, text, sizeof text) < 0)
        return 0;
    return (pid_t)strtol(text, NULL, 10);
}

static int judge(struct nk_run *run, int status, pid_t pid, struct nk_error *e) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && (!*run->pid_path || pid > 0))
        return 0;
    if (WIFSIGNALED(status))
        nk_fail(e, NK_RUNTIME, "%s: the runtime was killed by signal %d", run->step, WTERMSIG(status));
    else if (WEXITSTATUS(status) == 127)
        nk_fail(e, NK_RUNTIME, "%s: the runtime could not be started", run->step);
    else if (WEXITSTATUS(status) == 0)
        nk_fail(e, NK_RUNTIME, "%s: expected a pid in the runtime's pid file, found none", run->step);
    else
        nk_fail(e, NK_RUNTIME, "%s: the runtime failed with status %d", run->step, WEXITSTATUS(status));
    nk_runtime_log_read(run->log_path, run->words_fd, e->log, sizeof e->log);
    return -1;
}

static void on_exited(struct nk_child *child, int status) {
    struct nk_run *run = (struct nk_run *)child;
    pid_t pid = read_pid(run->pid_path);
    struct nk_error e;
    int ret = judge(run, status, pid, &e);

    nk_step(run->step, run->start_us, "%s", run->command);
    run->container->runs--;
    run->done(run, pid, ret < 0 ? &e : NULL);
    nk_run_free(run);
    nk_children_settle_orphans();
}

static size_t push(const char *argv[], size_t n, const char *const words[]) {
    while (*words)
        argv[n++] = *words++;
    return n;
}

static void join(const char *const argv[], char *out, size_t size) {
    size_t used = 0;

    for (; *argv && used < size; argv++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", *argv);
}

/* Spawns with /dev/null where the caller has nothing to give. */
static pid_t spawn(const char *const argv[], const int stdio[3]) {
    char program[64];
    cleanup_close int null_fd = stdio ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
    int nulls[3] = {null_fd, null_fd, null_fd};

    if (!stdio && null_fd < 0)
        return -1;
    return nk_child_spawn(nk_runtime_sealed(argv[0], program, sizeof program), (char *const *)argv,
                          stdio ? stdio : nulls);
}

int nk_run_start(struct nk_run *run, const char *const tail[], const int stdio[3], struct nk_error *e) {
    const struct nk_runtime_ops *runtime = run->container->runtime;
    const char *argv[NK_MAX_TAIL + 12];
    char path[64];
    char root[PATH_MAX];
    size_t n = 1;
    pid_t pid;

    argv[0] = nk_runtime_find(runtime->name, path, sizeof path);
    if (!argv[0])
        return nk_fail(e, NK_RUNTIME, "expected %s in the guest's image, found none", runtime->name);
    if (nk_state_root(run->container, root, sizeof root, e) < 0 ||
        nk_rundir_file(run->log_path, sizeof run->log_path, "log", ".log", e) < 0)
        return -1;
    n = push(argv, n, (const char *[]){"--log", run->log_path, "--root", root, NULL});
    n = push(argv, n, runtime->options);
    if (nk_settings.debug)
        argv[n++] = "--debug";
    n = push(argv, n, tail);
    argv[n] = NULL;
    join(argv, run->command, sizeof run->command);

    run->start_us = nk_boottime_us();
    pid = spawn(argv, stdio);
    if (pid < 0)
        return nk_fail_errno(e, "start of %s", argv[0]);
    run->container->runs++;
    run->child.exited = on_exited;
    nk_children_expect_orphans();
    nk_child_watch(&run->child, pid);
    return 0;
}
