/* Control groups (version 2) of containers, by their files. Paths are absolute. */
#ifndef NK_CGROUP_H
#define NK_CGROUP_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Hands all controllers of the root down to its children. */
void nk_cgroup_enable_controllers(const char *root);

/* SIGKILLs all processes in the group and below. */
int nk_cgroup_kill(const char *path);

int nk_cgroup_freeze(const char *path, bool frozen);

/* The number after the key in a file of "key number" lines; -1: not there. */
long long nk_cgroup_value(const char *path, const char *file, const char *key);

/* Removes the group and those below; <0: processes are still in it. */
int nk_cgroup_remove(const char *path);

/* The pids in the group and below: at most max. */
size_t nk_cgroup_pids(const char *path, pid_t *out, size_t max);

/* Waits for a key of cgroup.events to have a value. */
struct nk_cgroup_watch {
    struct nk_source source;
    char key[16];
    long long value;
    void (*reached)(struct nk_cgroup_watch *watch);
};

/* Calls reached at once if it is so already. */
int nk_cgroup_watch_start(struct nk_cgroup_watch *watch, const char *path, const char *key, long long value);

#endif
