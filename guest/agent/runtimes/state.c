/* The folder in which crun and runc keep what they know of containers. */
#include "base/rundir.h"
#include "command-line.h"
#include "containers/container.h"

#include <limits.h>
#include <stdio.h>

int nk_state_root(const struct nk_container *c, char *out, size_t size, struct nk_error *e) {
    return nk_rundir_path(out, size, c->runtime->name, "", e);
}

int nk_state_path(const struct nk_container *c, const char *name, char *out, size_t size,
                  struct nk_error *e) {
    char root[PATH_MAX];

    if (nk_state_root(c, root, sizeof root, e) < 0)
        return -1;
    if ((size_t)snprintf(out, size, "%s%s/%s", root, c->id, name) >= size)
        return nk_fail(e, NK_SYSTEM, "%s%s: the path is too long", root, c->id);
    return 0;
}

/* What the program's delete does when no process is left: the cgroup and the state go. */
bool nk_state_delete(const struct nk_container *c) {
    char state[2 * PATH_MAX];
    struct nk_error e;

    if (!c->cgroup || c->has_poststop_hooks || nk_state_path(c, "", state, sizeof state, &e) < 0 ||
        nk_cgroup_remove(c->cgroup) < 0)
        return false;
    nk_remove_tree(state);
    return true;
}
