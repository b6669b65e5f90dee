/* What the caller asks for: NUL-terminated words on descriptor 3 (README.md has the list). */
#ifndef NK_PLAN_H
#define NK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A request is one CONTROL frame of at most 4 MiB; the rest of a plan is small. */
#define PLAN_MAX_BYTES ((size_t)8 << 20)

/* Of one daemon. */
#define PLAN_MAX_CHANNELS 8

enum terminal_mode { TERMINAL_NONE, TERMINAL_INHERIT, TERMINAL_SOCKET };
enum netns_mode { NETNS_HOST, NETNS_NEW, NETNS_PATH };

/* One step of the tree, in the order of config.json. */
struct plan_mount {
    const char *source; /* of a volume; NULL: the guest mounts something of its kernel here */
    const char
        *inner;       /* a folder below source, reached without links, which is the volume; NULL: source is */
    const char *dest; /* in the rootfs; NULL: a volume that has no place in the shadow's view */
    unsigned long flags; /* MS_*, of a volume */
};

/* A process of the sandbox that is there before its monitor: the monitor takes it over (daemons.h). */
struct plan_daemon {
    const char *name;
    unsigned channels; /* connected sockets that it has as 3, 4, … */
    char **argv;       /* NULL-terminated */
};

struct plan {
    char *text; /* owns all strings below */

    const char *rootfs;
    const char *proof; /* the text of TREE_PROOF; NULL: there is none */
    bool readonly;
    struct plan_mount *mounts; /* in the order given */
    size_t mount_count;
    const char *cwd; /* of the container's process */
    const char *hostname;
    enum netns_mode netns;
    const char *netns_path;
    char **title;   /* the command line of what runs in the guest, NULL-terminated; NULL: none */
    char **monitor; /* argv, NULL-terminated */
    const char *monitor_log;
    struct plan_daemon *daemons; /* in the order given */
    size_t daemon_count;

    pid_t attach_to; /* a shadow whose tree gets this one's, in the folder named */
    const char *attach_folder;

    pid_t join;
    const char *control;
    const char *endpoint; /* path of the request */
    const char *request;

    const char **cgroups; /* paths of cgroup.procs */
    size_t cgroup_count;
    enum terminal_mode terminal;
    const char *console_socket;
    bool wait;
};

/* Read and parse. <0: see fail_text(). Free the plan in both cases. */
int plan_read(struct plan *plan, int fd);
int plan_parse(struct plan *plan, char *text, size_t length);
void plan_free(struct plan *plan);

#endif
