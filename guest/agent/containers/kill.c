/* Finding and killing the processes of a container. */
#include "base/agent.h"
#include "common/cleanup.h"
#include "container.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

#define MAX_PIDS 4096

static bool read_pid_namespace(pid_t pid, char *out, size_t size) {
    char path[64];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    n = readlink(path, out, size - 1);
    out[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

/* Without a cgroup of version 2: all that is in the same pid namespace, unless it is our own. */
static size_t namespace_pids(pid_t init, pid_t *out, size_t max) {
    char own[64], wanted[64], found[64];
    cleanup_dir DIR *dir = NULL;
    struct dirent *entry;
    size_t count = 0;

    if (!read_pid_namespace(getpid(), own, sizeof own) || !read_pid_namespace(init, wanted, sizeof wanted) ||
        strcmp(own, wanted) == 0) {
        out[0] = init;
        return 1;
    }
    dir = opendir("/proc");
    while (dir && count < max && (entry = readdir(dir))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_pid_namespace(pid, found, sizeof found) && strcmp(found, wanted) == 0)
            out[count++] = pid;
    }
    return count;
}

size_t nk_container_pids(const struct nk_container *c, pid_t *out, size_t max) {
    if (c->cgroup)
        return nk_cgroup_pids(c->cgroup, out, max);
    if (c->init.pid > 0 && !c->init.reaped)
        return namespace_pids(c->init.pid, out, max);
    return 0;
}

static void kill_process(const struct nk_process *p) {
    if (p->pid > 0 && !p->reaped)
        kill(p->pid, SIGKILL);
}

void nk_container_kill_all(struct nk_container *c) {
    pid_t pids[MAX_PIDS];
    size_t count;

    /* A pid that we have not reaped is still the process that it was. */
    kill_process(&c->init);
    for (struct nk_process *p = c->sessions; p; p = p->next)
        kill_process(p);
    if (!c->cgroup || nk_cgroup_kill(c->cgroup) == 0)
        return;
    count = nk_cgroup_pids(c->cgroup, pids, MAX_PIDS);
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
}
