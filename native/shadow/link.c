#include "link.h"

#include "common/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int link_init(struct link *link, int fd) {
    memset(link, 0, sizeof *link);
    link->fd = fd;
    nk_decoder_init(&link->in, NK_FROM_MONITOR);
    link->out = malloc(LINK_OUT_BYTES);
    return link->out ? 0 : fail("no memory for the connection to the monitor");
}

void link_free(struct link *link) {
    nk_decoder_free(&link->in);
    free(link->out);
}

size_t link_room(const struct link *link) {
    return LINK_OUT_BYTES - (link->out_end - link->out_start);
}

bool link_has_output(const struct link *link) {
    return link->out_end > link->out_start;
}

static uint8_t *end_of_queue(struct link *link) {
    if (link->out_start > 0) {
        memmove(link->out, link->out + link->out_start, link->out_end - link->out_start);
        link->out_end -= link->out_start;
        link->out_start = 0;
    }
    return link->out + link->out_end;
}

uint8_t *link_payload_space(struct link *link, size_t *room) {
    uint8_t *at = end_of_queue(link) + NK_FRAME_HEADER_BYTES;

    *room = LINK_OUT_BYTES - link->out_end - NK_FRAME_HEADER_BYTES;
    return at;
}

void link_commit(struct link *link, uint8_t type, uint32_t stream, uint32_t length) {
    if (link->broken)
        return;
    nk_frame_encode_header(link->out + link->out_end, type, stream, length);
    link->out_end += NK_FRAME_HEADER_BYTES + length;
}

void link_send(struct link *link, uint8_t type, uint32_t stream, const void *payload, uint32_t length) {
    size_t room;
    uint8_t *at = link_payload_space(link, &room);

    if (length > 0)
        memcpy(at, payload, length);
    link_commit(link, type, stream, length);
}

void link_flush(struct link *link) {
    while (link_has_output(link)) {
        ssize_t sent = send(link->fd, link->out + link->out_start, link->out_end - link->out_start,
                            MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (sent < 0) {
            link->broken = true;
            link->out_start = link->out_end = 0;
            return;
        }
        link->out_start += (size_t)sent;
    }
}

int link_receive(struct link *link) {
    size_t room;
    uint8_t *at = nk_decoder_space(&link->in, &room);
    ssize_t got;

    if (!at)
        return -1;
    got = recv(link->fd, at, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return -1;
    nk_decoder_commit(&link->in, (size_t)got);
    return 0;
}
