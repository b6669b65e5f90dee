/* The shadow's end of its connection to the monitor. */
#ifndef NK_LINK_H
#define NK_LINK_H

#include "common/frame.h"

#include <stdbool.h>
#include <stddef.h>

/* What is kept free for CREDIT, CLOSE and EOF frames, of which there are few at a time. */
#define LINK_RESERVE_BYTES 4096u
#define LINK_OUT_BYTES (196608u)

struct link {
    int fd;
    struct nk_decoder in;
    bool broken; /* the monitor reads no more: what we send is dropped, what it has sent is still read */
    uint8_t *out;
    size_t out_start;
    size_t out_end;
};

int link_init(struct link *link, int fd);
void link_free(struct link *link);

/* Bytes of frames that can be queued now. */
size_t link_room(const struct link *link);
bool link_has_output(const struct link *link);

/* Queues a frame. It must fit: see link_room. */
void link_send(struct link *link, uint8_t type, uint32_t stream, const void *payload, uint32_t length);

/* For a payload that is read straight into the queue: where, then how much came. */
uint8_t *link_payload_space(struct link *link, size_t *room);
void link_commit(struct link *link, uint8_t type, uint32_t stream, uint32_t length);

/* Moves bytes without blocking. link_receive: <0 when the connection has ended. */
void link_flush(struct link *link);
int link_receive(struct link *link);

#endif
