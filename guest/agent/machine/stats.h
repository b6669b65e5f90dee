/* Numbers of a cgroup (version 2). */
#ifndef NK_STATS_H
#define NK_STATS_H

#include <jansson.h>

/* What the kernel has: absent controllers leave their members at 0. "max" is null when there is no limit. */
json_t *nk_stats_read(const char *cgroup);

#endif
