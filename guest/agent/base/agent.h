/* What holds for the whole agent. */
#ifndef NK_AGENT_H
#define NK_AGENT_H

#include <stdbool.h>

#define NK_AGENT_VERSION "0.1.0"
#define NK_PROTOCOL 1

#define NK_MAX_CONTAINERS 64
#define NK_MAX_SESSIONS 1024
#define NK_MAX_STREAMS 4096
#define NK_MAX_MOUNTS 256
#define NK_MAX_SOCKETS 1024
/* To sockets of the host. */
#define NK_MAX_CONNECTIONS 256

struct nk_settings {
    bool owns_machine;        /* PID 1: clock, hostname, entropy and power are ours to set */
    bool reboot_to_power_off; /* Firecracker ends on a reboot, not on a power-off */
    bool debug;
    const char *run_dir;      /* all paths of requests are below it */
    const char *cgroup_root;  /* where cgroup v2 is mounted */
    const char *runtime_path; /* NULL: the usual places */
    char runtime[8];          /* the runtime for containers that name none */
};

extern struct nk_settings nk_settings;

/* How the process ends is known to main alone, which sets both before anything else. The second does not
 * return. */
extern void (*nk_on_quit)(int status);
extern void (*nk_on_death)(const char *reason);

/* Ends the main loop. */
void nk_agent_quit(int status);

/* Logs the reason, and ends without cleaning up. */
void nk_agent_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
