/* Whom the wire serves: set by main, before the first connection. */
#ifndef NK_WIRE_H
#define NK_WIRE_H

#include "common/frame.h"

struct nk_wire_user {
    /* NULL, or in which way the frame is a protocol error. */
    const char *(*frame)(const struct nk_frame *frame);
    /* The channel was congested, and has room again. */
    void (*has_room)(void);
    /* A connection began; its number is the host's, or 0: the next. */
    void (*connected)(unsigned number);
    /* It ended; another may begin. */
    void (*disconnected)(void);
    /* It ended, and there cannot be another. */
    void (*ended)(void);
};

extern struct nk_wire_user nk_wire_user;

#endif
