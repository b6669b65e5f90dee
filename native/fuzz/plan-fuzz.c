/* Any bytes as a plan: refused, or all its strings are within it. */
#include "shadow/plan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static volatile size_t read_bytes;

/* The sanitizer sees a string that does not end within the plan. */
static void touch(const char *text) {
    if (text)
        read_bytes = strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct plan plan = {.text = malloc(size + 1)};

    memcpy(plan.text, data, size);
    if (plan_parse(&plan, plan.text, size) == 0) {
        touch(plan.rootfs), touch(plan.cwd), touch(plan.hostname), touch(plan.request), touch(plan.control);
        for (size_t i = 0; i < plan.mount_count; i++)
            touch(plan.mounts[i].source), touch(plan.mounts[i].dest);
        for (size_t i = 0; i < plan.cgroup_count; i++)
            touch(plan.cgroups[i]);
        for (char **word = plan.monitor; word && *word; word++)
            touch(*word);
        for (size_t i = 0; i < plan.daemon_count; i++)
            for (char **word = plan.daemons[i].argv; *word; word++)
                touch(*word);
    }
    plan_free(&plan);
    return 0;
}
