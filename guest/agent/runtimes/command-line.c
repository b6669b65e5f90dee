#include "command-line.h"

#include "base/rundir.h"
#include "containers/container.h"
#include "run.h"

#include <fcntl.h>

/* What a runtime that fails before it has opened its log says is read from the standard error of what it was
 * to make. */
static void listen_to(struct nk_run *run) {
    if (run->process->err)
        run->words_fd = fcntl(run->process->err->source.fd, F_DUPFD_CLOEXEC, 3);
}

/* Adds what create and exec end with: where the pid and the terminal go, and the container. */
static int push_process(struct nk_run *run, const char **tail, size_t n, struct nk_error *e) {
    if (nk_rundir_file(run->pid_path, sizeof run->pid_path, "tmp", ".pid", e) < 0)
        return -1;
    tail[n++] = "--pid-file";
    tail[n++] = run->pid_path;
    if (run->process->terminal) {
        tail[n++] = "--console-socket";
        tail[n++] = run->process->console_path;
    }
    tail[n] = run->container->id;
    return 0;
}

static int write_input(struct nk_run *run, const json_t *value, struct nk_error *e) {
    if (nk_rundir_file(run->input_path, sizeof run->input_path, "tmp", ".json", e) < 0)
        return -1;
    return nk_write_json(run->input_path, value, e);
}

int nk_command_create(struct nk_run *run, const int stdio[3], struct nk_error *e) {
    const char *tail[NK_MAX_TAIL] = {"create", "--bundle", run->container->bundle};

    if (push_process(run, tail, 3, e) < 0)
        return -1;
    listen_to(run);
    return nk_run_start(run, tail, stdio, e);
}

int nk_command_exec(struct nk_run *run, const json_t *process, const int stdio[3], struct nk_error *e) {
    const char *tail[NK_MAX_TAIL] = {"exec", "--detach", "--process", run->input_path};

    if (write_input(run, process, e) < 0 || push_process(run, tail, 4, e) < 0)
        return -1;
    listen_to(run);
    return nk_run_start(run, tail, stdio, e);
}

int nk_command_start(struct nk_run *run, struct nk_error *e) {
    return nk_run_start(run, (const char *[]){"start", run->container->id, NULL}, NULL, e);
}

int nk_command_delete(struct nk_run *run, struct nk_error *e) {
    return nk_run_start(run, (const char *[]){"delete", "--force", run->container->id, NULL}, NULL, e);
}

int nk_command_pause(struct nk_run *run, struct nk_error *e) {
    return nk_run_start(run, (const char *[]){"pause", run->container->id, NULL}, NULL, e);
}

int nk_command_resume(struct nk_run *run, struct nk_error *e) {
    return nk_run_start(run, (const char *[]){"resume", run->container->id, NULL}, NULL, e);
}

int nk_command_update(struct nk_run *run, const json_t *resources, struct nk_error *e) {
    const char *tail[] = {"update", "--resources", run->input_path, run->container->id, NULL};

    return write_input(run, resources, e) < 0 ? -1 : nk_run_start(run, tail, NULL, e);
}
