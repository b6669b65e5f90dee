#include "vsock.h"

#include "address.h"
#include "vhost-user.h"

#include <err.h>
#include <linux/virtio_vsock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_CID 2
#define FIRST_HOST_PORT (1U << 30)
#define MAX_PACKET (64 * 1024)
#define MAX_ANSWERS 4096

static const char *dial_name;
static uint64_t guest_cid;
static uint32_t next_host_port = FIRST_HOST_PORT;

/* Packets without data that wait for room in the guest's queue. */
static struct virtio_vsock_hdr answers[MAX_ANSWERS];
static size_t answer_count;

void vsock_dial_to(const char *name) {
    dial_name = name;
}

static void answer(uint32_t host_port, uint32_t guest_port, uint16_t op, uint32_t flags, uint32_t taken) {
    if (answer_count == MAX_ANSWERS)
        errx(1, "the guest takes no answers");
    answers[answer_count++] = (struct virtio_vsock_hdr){
        .src_cid = HOST_CID,
        .dst_cid = guest_cid,
        .src_port = host_port,
        .dst_port = guest_port,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
        .flags = flags,
        .buf_alloc = BUFFER_SIZE,
        .fwd_cnt = taken,
    };
}

static void say(const struct connection *c, uint16_t op, uint32_t flags) {
    answer(c->host_port, c->guest_port, op, flags, c->taken);
}

static void reset(struct connection *c) {
    say(c, VIRTIO_VSOCK_OP_RST, 0);
    connection_free(c);
}

static void guest_dials(const struct virtio_vsock_hdr *h) {
    int fd = connect_abstract(dial_name);
    struct connection *c = fd < 0 ? NULL : connection_new(fd, DIALING);

    if (!c) {
        if (fd >= 0)
            close(fd);
        answer(h->dst_port, h->src_port, VIRTIO_VSOCK_OP_RST, 0, 0);
        return;
    }
    c->host_port = h->dst_port;
    c->guest_port = h->src_port;
    c->peer_buffer = h->buf_alloc;
    dprintf(fd, "%u\n", h->dst_port);
}

/* What the guest has sent is with the host, and no more comes: pass the end on. */
static void end_if_drained(struct connection *c) {
    if (c->waiting_size > 0)
        return;
    if (c->guest_gone)
        reset(c);
    else if (c->guest_ended)
        shutdown(c->fd, SHUT_WR);
}

void vsock_host_takes(struct connection *c) {
    uint32_t before = c->taken;

    if (!connection_write(c)) {
        reset(c);
        return;
    }
    if (c->taken != before)
        say(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
    end_if_drained(c);
}

static void guest_sends(struct connection *c, const struct virtio_vsock_hdr *h, const struct chain *chain) {
    static char data[MAX_PACKET];

    if (h->len > sizeof data || chain_read(chain, sizeof *h, data, h->len) != h->len ||
        !connection_keep(c, data, h->len)) {
        reset(c);
        return;
    }
    vsock_host_takes(c);
}

static void guest_shuts_down(struct connection *c, uint32_t flags) {
    c->guest_ended |= (flags & VIRTIO_VSOCK_SHUTDOWN_SEND) != 0;
    c->guest_gone = flags == (VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV);
    end_if_drained(c);
}

static void take_packet(const struct chain *chain) {
    struct virtio_vsock_hdr h;
    struct connection *c;

    if (chain_read(chain, 0, &h, sizeof h) != sizeof h)
        errx(1, "a packet of %zu bytes", chain_size(chain));
    guest_cid = h.src_cid;
    c = connection_find(h.dst_port, h.src_port);
    if (c) {
        c->peer_buffer = h.buf_alloc;
        c->peer_taken = h.fwd_cnt;
    }
    if (h.op == VIRTIO_VSOCK_OP_RST) {
        if (c)
            connection_free(c);
    } else if (h.op == VIRTIO_VSOCK_OP_REQUEST && !c && h.dst_cid == HOST_CID &&
               h.type == VIRTIO_VSOCK_TYPE_STREAM) {
        guest_dials(&h);
    } else if (h.op == VIRTIO_VSOCK_OP_RESPONSE && c && c->state == REQUESTED) {
        c->state = OPEN;
        connection_keep(c, "+", 1);
        connection_write(c);
        c->taken = 0; /* not the guest's */
    } else if (!c || c->state != OPEN) {
        answer(h.dst_port, h.src_port, VIRTIO_VSOCK_OP_RST, 0, 0);
    } else if (h.op == VIRTIO_VSOCK_OP_RW) {
        guest_sends(c, &h, chain);
    } else if (h.op == VIRTIO_VSOCK_OP_SHUTDOWN) {
        guest_shuts_down(c, h.flags);
    } else if (h.op == VIRTIO_VSOCK_OP_CREDIT_REQUEST) {
        say(c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
    }
}

void vsock_take(void) {
    struct chain chain;
    bool any = false;

    while (answer_count < MAX_ANSWERS / 2 && queue_pop(&queues[TX], &chain)) {
        take_packet(&chain);
        queue_push(&queues[TX], &chain, 0);
        any = true;
    }
    if (any)
        queue_notify(&queues[TX]);
}

bool vsock_has_room(void) {
    return queue_has_some(&queues[RX]);
}

static void give_packet(const struct chain *chain, const struct virtio_vsock_hdr *h, const void *data) {
    chain_write(chain, 0, h, sizeof *h);
    chain_write(chain, sizeof *h, data, h->len);
    queue_push(&queues[RX], chain, (uint32_t)sizeof *h + h->len);
}

/* There is no half-close from the host: its end is that of both directions. */
static void host_ended(struct connection *c) {
    c->host_ended = true;
    say(c, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV);
}

static bool give_data(struct connection *c) {
    static char data[MAX_PACKET];
    struct chain chain;
    size_t room;
    ssize_t n;

    queue_pop(&queues[RX], &chain);
    room = chain_size(&chain) - sizeof(struct virtio_vsock_hdr);
    if (room > sizeof data)
        room = sizeof data;
    if (room > connection_credit(c))
        room = connection_credit(c);
    n = recv(c->fd, data, room, MSG_DONTWAIT);
    if (n <= 0) {
        queues[RX].next--;
        host_ended(c);
        return false;
    }
    struct virtio_vsock_hdr h = {.src_cid = HOST_CID,
                                 .dst_cid = guest_cid,
                                 .src_port = c->host_port,
                                 .dst_port = c->guest_port,
                                 .len = (uint32_t)n,
                                 .type = VIRTIO_VSOCK_TYPE_STREAM,
                                 .op = VIRTIO_VSOCK_OP_RW,
                                 .buf_alloc = BUFFER_SIZE,
                                 .fwd_cnt = c->taken};
    c->sent += h.len;
    give_packet(&chain, &h, data);
    return true;
}

void vsock_give(const bool *readable) {
    struct chain chain;
    size_t given = 0;
    bool any = false;

    for (size_t i = 0; i < MAX_CONNECTIONS && vsock_has_room(); i++) {
        struct connection *c = &connections[i];
        if (readable[i] && c->state == OPEN && !c->host_ended && connection_credit(c) > 0)
            any |= give_data(c);
    }
    while (given < answer_count && vsock_has_room() && queue_pop(&queues[RX], &chain)) {
        answers[given].dst_cid = guest_cid;
        give_packet(&chain, &answers[given++], NULL);
    }
    answer_count -= given;
    memmove(answers, answers + given, answer_count * sizeof answers[0]);
    if (any || given > 0)
        queue_notify(&queues[RX]);
}

/* "PORT\n" of the host, or '+' of those who answer for it. */
void vsock_host_said(struct connection *c) {
    char text[16] = "";
    ssize_t n = recv(c->fd, text, c->state == NAMING ? sizeof text - 1 : 1, MSG_DONTWAIT);

    if (n <= 0) {
        if (c->state == NAMING)
            connection_free(c);
        else
            reset(c);
    } else if (c->state == NAMING) {
        c->guest_port = (uint32_t)strtoul(text, NULL, 10);
        c->host_port = next_host_port++;
        c->state = REQUESTED;
        say(c, VIRTIO_VSOCK_OP_REQUEST, 0);
    } else if (c->state == DIALING) {
        c->state = OPEN;
        say(c, VIRTIO_VSOCK_OP_RESPONSE, 0);
    }
}
