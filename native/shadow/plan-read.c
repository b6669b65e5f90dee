/* A plan from a descriptor, and its end. */
#include "common/fail.h"
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int plan_read(struct plan *plan, int fd) {
    size_t length = 0;
    size_t capacity = 0;

    for (;;) {
        ssize_t got;

        if (length == capacity) {
            char *bigger = capacity < PLAN_MAX_BYTES ? realloc(plan->text, capacity + 65536) : NULL;
            if (!bigger)
                return fail("the plan is longer than %zu bytes", PLAN_MAX_BYTES);
            plan->text = bigger;
            capacity += 65536;
        }
        got = read(fd, plan->text + length, capacity - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno("cannot read the plan from descriptor %d", fd);
        if (got == 0)
            return plan_parse(plan, plan->text, length);
        length += (size_t)got;
    }
}

void plan_free(struct plan *plan) {
    free(plan->text);
    free(plan->mounts);
    free(plan->cgroups);
    free(plan->title);
    free(plan->monitor);
    for (size_t i = 0; i < plan->daemon_count; i++)
        free(plan->daemons[i].argv);
    free(plan->daemons);
    memset(plan, 0, sizeof *plan);
}
