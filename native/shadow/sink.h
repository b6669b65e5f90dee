/* A standard stream of the caller that the container writes to. */
#ifndef NK_SINK_H
#define NK_SINK_H

#include "common/credit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sink_state { SINK_OPEN, SINK_ENDING /* close when empty */, SINK_CLOSED };

struct sink {
    int fd;
    enum sink_state state;
    struct nk_window window;
    uint8_t *ring; /* NK_CREDIT_START_BYTES */
    size_t start;
    size_t used;
    bool socket;
    size_t max_write; /* what a write may take without blocking once poll has said "writable" */
};

int sink_init(struct sink *sink, int fd);
void sink_free(struct sink *sink);

/* Stores bytes that came from the container. <0: more than the credit. */
int sink_put(struct sink *sink, const uint8_t *data, uint32_t length);

/* Writes what the descriptor takes. Returns the bytes written, 0 for "not now", <0 when the reader is gone.
 */
int sink_write(struct sink *sink);

/* Has the kernel keep all that waits, if the descriptor is a pipe or a socket: it can be written without the
 * reader. */
void sink_make_room(struct sink *sink);

/* No more will come: closes the descriptor once all is written. */
void sink_end(struct sink *sink);

/* Drops what is left and closes the descriptor. */
void sink_close(struct sink *sink);

#endif
