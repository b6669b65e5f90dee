/* The caller's standard input, which the container reads. */
#ifndef NK_SOURCE_H
#define NK_SOURCE_H

#include "link.h"

#include <stdbool.h>
#include <stdint.h>

struct source {
    bool open;
    bool socket;
    uint32_t credit;
};

void source_init(struct source *source);

/* The process would take more, and the connection has room for it. */
bool source_is_wanted(const struct source *source, const struct link *link);

/* Passes on what there is, without blocking; at its end the end. */
void source_take(struct source *source, struct link *link);

/* Says that no more will come. */
void source_end(struct source *source, struct link *link);

/* Nobody reads it any more. */
void source_close(struct source *source);

#endif
