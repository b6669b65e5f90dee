/* A root that has a program, the files it needs and a shadow's tree at /tree, and nothing else. */
#ifndef NK_JAIL_H
#define NK_JAIL_H

#include <stddef.h>
#include <sys/types.h>

#define NK_JAIL_MAX_FILES 64

/* preload/one-device.c in the jail. */
#define JAIL_PRELOAD "/lib/nk-one-device.so"

struct jail {
    pid_t shadow;
    const char *files[NK_JAIL_MAX_FILES];
    int copies[NK_JAIL_MAX_FILES]; /* of the files' mounts */
    size_t count;
    int tree_ns;
};

/* All return <0 on failure, with fail_text(). */

/* An absolute path of the host; the file is at the same path in the jail, read-only. */
int jail_add_file(struct jail *jail, const char *path);

/* Takes what is needed of the host, while its paths mean what they say. */
int jail_take(struct jail *jail);

/* Leaves the host's namespaces but for the pid namespace of this process, and makes the jail its root. */
int jail_enter(struct jail *jail);

/* Gives up, also for what this process executes, what a server of files does not need: capabilities, system
 * calls, limits. */
int jail_lock(void);

#endif
