#include "channel.h"

#include "base/log.h"
#include "base/loop.h"
#include "common/cleanup.h"
#include "common/frame.h"
#include "common/io.h"
#include "mark.h"
#include "splice.h"
#include "transport.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONGESTED_BYTES (1u << 20)
#define SETTLE_US 500000
#define RELAXED_BYTES (CONGESTED_BYTES / 2)

/* Bytes [start, end) of queue wait for the transport, and before them the staged bytes of a spliced frame. */
static struct {
    struct nk_source source;
    struct nk_decoder decoder;
    uint8_t *queue;
    size_t start;
    size_t end;
    size_t capacity;
    bool edge_triggered;
    bool awaits_mark;
    bool is_early; /* a port's host has spoken; that it is there may be told later, by another queue */
    bool blocked;
    bool congested;
    size_t relaxed_bytes; /* congested until fewer wait */
} channel = {.source.fd = -1};

static void on_ready(struct nk_source *source, uint32_t events);

/* A socket is given copies, since it needs no more. */
static void open_splice(void) {
    if (channel.edge_triggered)
        nk_splice_open();
}

int nk_channel_open(int fd, bool edge_triggered) {
    uint32_t events = edge_triggered ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN;

    channel.source.fd = fd;
    channel.source.ready = on_ready;
    channel.edge_triggered = edge_triggered;
    channel.blocked = false;
    channel.congested = false;
    channel.awaits_mark = nk_marks_known();
    channel.is_early = false;
    channel.start = channel.end = 0;
    nk_decoder_init(&channel.decoder, NK_FROM_HOST);
    open_splice();
    return nk_loop_add(&channel.source, events);
}

static void drop_all(void) {
    nk_splice_close();
    nk_decoder_reset(&channel.decoder);
    free(channel.queue);
    channel.queue = NULL;
    channel.start = channel.end = channel.capacity = 0;
    channel.congested = false;
}

void nk_channel_close(void) {
    nk_loop_close(&channel.source);
    drop_all();
}

bool nk_channel_has_descriptor(void) {
    return channel.source.fd >= 0;
}

bool nk_channel_is_open(void) {
    return nk_channel_has_descriptor() && !channel.awaits_mark;
}

size_t nk_channel_queued_bytes(void) {
    return nk_splice_staged_bytes() + channel.end - channel.start;
}

bool nk_channel_is_congested(void) {
    return channel.congested;
}

static void set_blocked(bool blocked) {
    if (channel.blocked == blocked)
        return;
    channel.blocked = blocked;
    if (!channel.edge_triggered)
        nk_loop_change(&channel.source, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void nk_channel_await_mark(void) {
    drop_all();
    open_splice();
    set_blocked(false);
    channel.awaits_mark = true;
}

static ssize_t send_some(void) {
    ssize_t n;

    if (nk_splice_staged_bytes() > 0)
        return nk_splice_send(channel.source.fd);
    n = write(channel.source.fd, channel.queue + channel.start, channel.end - channel.start);
    channel.start += n > 0 ? (size_t)n : 0;
    return n;
}

void nk_channel_flush(void) {
    while (nk_channel_is_open() && !channel.blocked && nk_channel_queued_bytes() > 0) {
        ssize_t n = send_some();
        if (n > 0 || (n < 0 && errno == EINTR))
            continue;
        if (n < 0 && errno == EAGAIN) {
            set_blocked(true);
        } else {
            nk_transport_lost("write failed");
            return;
        }
    }
    if (channel.congested && nk_channel_queued_bytes() < channel.relaxed_bytes) {
        channel.congested = false;
        nk_wire_user.has_room();
    }
}

void nk_channel_settle(void) {
    uint64_t deadline_us = nk_boottime_us() + SETTLE_US;
    bool empty;

    do {
        struct pollfd wait = {.fd = channel.source.fd, .events = POLLOUT};
        uint64_t now_us = nk_boottime_us();
        /* A port takes more only when the host has consumed what it was given before. */
        if (now_us >= deadline_us || poll(&wait, 1, (int)((deadline_us - now_us) / 1000) + 1) <= 0)
            return;
        empty = nk_channel_queued_bytes() == 0;
        channel.blocked = false;
        nk_channel_flush();
    } while (!empty && nk_channel_is_open());
}

/* The host's mark came, after a break that was noticed or not. */
static void begin_again(unsigned connection) {
    bool noticed = channel.awaits_mark;

    nk_channel_await_mark();
    if (!noticed)
        nk_wire_user.disconnected();
    channel.awaits_mark = false;
    channel.is_early = true;
    nk_wire_user.connected(connection);
}

/* Reads once and handles the frames that are complete. False: nothing more to read for now. */
static bool receive(void) {
    struct nk_frame frame;
    size_t room;
    uint8_t *space = nk_decoder_space(&channel.decoder, &room);
    ssize_t n = space ? read(channel.source.fd, space, room) : -1;
    unsigned connection;
    int got;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (n == 0 && channel.edge_triggered && (channel.awaits_mark || channel.is_early))
        return false;
    if (n <= 0) {
        nk_transport_lost(n == 0 ? "the host closed it" : strerror(errno));
        return false;
    }
    connection = nk_mark_read(space, (size_t)n);
    if (connection > 0)
        begin_again(connection);
    if (connection > 0 || channel.awaits_mark)
        return true;
    nk_decoder_commit(&channel.decoder, (size_t)n);
    while ((got = nk_decoder_next(&channel.decoder, &frame)) > 0) {
        const char *fault = nk_wire_user.frame(&frame);
        if (!nk_channel_is_open())
            return false;
        if (fault) {
            nk_transport_fail(fault);
            return false;
        }
    }
    if (got < 0) {
        nk_transport_fail(nk_frame_fault_name(got));
        return false;
    }
    return true;
}

static void on_ready(struct nk_source *source, uint32_t events) {
    (void)source;
    if (!(events & EPOLLHUP))
        channel.is_early = false;
    if (events & EPOLLOUT)
        set_blocked(false);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        while (receive() && channel.edge_triggered)
            ;
    }
}

uint8_t *nk_channel_reserve(size_t payload_bytes) {
    size_t need = NK_FRAME_HEADER_BYTES + payload_bytes;

    if (!nk_channel_is_open())
        return NULL;
    if (channel.start == channel.end)
        channel.start = channel.end = 0;
    if (channel.capacity - channel.end < need && channel.start > 0) {
        memmove(channel.queue, channel.queue + channel.start, channel.end - channel.start);
        channel.end -= channel.start;
        channel.start = 0;
    }
    if (channel.capacity - channel.end < need) {
        size_t capacity = channel.end + need + (channel.end + need) / 2;
        uint8_t *queue = realloc(channel.queue, capacity);
        if (!queue)
            return NULL;
        channel.queue = queue;
        channel.capacity = capacity;
    }
    return channel.queue + channel.end + NK_FRAME_HEADER_BYTES;
}

void nk_channel_commit(uint8_t type, uint32_t stream, uint32_t length) {
    nk_frame_encode_header(channel.queue + channel.end, type, stream, length);
    channel.end += NK_FRAME_HEADER_BYTES + length;
    if (nk_channel_queued_bytes() > CONGESTED_BYTES && !channel.congested) {
        channel.congested = true;
        channel.relaxed_bytes = RELAXED_BYTES;
    }
}

bool nk_channel_can_splice(void) {
    return nk_splice_is_open() && nk_channel_queued_bytes() == 0;
}

void nk_channel_await_empty(void) {
    channel.congested = true;
    channel.relaxed_bytes = 1;
}

ssize_t nk_channel_splice(uint32_t stream, int pipe, uint32_t n) {
    ssize_t got = nk_splice_stage(stream, pipe, n);

    if (got < 0 && errno == EIO)
        nk_transport_fail("a spliced frame was cut");
    return got;
}

void nk_channel_send(uint8_t type, uint32_t stream, const void *payload, uint32_t length) {
    uint8_t *space = nk_channel_reserve(length);

    if (!space)
        return;
    if (length > 0)
        memcpy(space, payload, length);
    nk_channel_commit(type, stream, length);
}

int nk_channel_send_json(json_t *message) {
    size_t length = json_dumpb(message, NULL, 0, JSON_COMPACT);
    uint8_t *space = NULL;

    if (length > 0 && length <= NK_CONTROL_TO_HOST_MAX_BYTES)
        space = nk_channel_reserve(length);
    if (space) {
        json_dumpb(message, (char *)space, length, JSON_COMPACT);
        nk_channel_commit(NK_CONTROL, 0, (uint32_t)length);
    }
    json_decref(message);
    return length > NK_CONTROL_TO_HOST_MAX_BYTES ? -1 : 0;
}
