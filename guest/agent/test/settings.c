/* What main.c has for the agent. */
#include "agent.h"

#include <stdlib.h>

struct nk_settings nk_settings = {
    .run_dir = "/run/nk",
    .cgroup_root = "/sys/fs/cgroup",
    .runtime = "crun",
};

void nk_agent_quit(int status) {
    exit(status);
}

void nk_agent_die(const char *format, ...) {
    (void)format;
    abort();
}
