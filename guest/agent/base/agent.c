#include "agent.h"

#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct nk_settings nk_settings = {
    .run_dir = "/run/nk",
    .cgroup_root = "/sys/fs/cgroup",
    .runtime = "crun",
};

void (*nk_on_quit)(int status);
void (*nk_on_death)(const char *reason);

void nk_agent_quit(int status) {
    nk_on_quit(status);
}

void nk_agent_die(const char *format, ...) {
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nk_log(NK_ERROR, "%s", text);
    nk_on_death(text);
    abort();
}
