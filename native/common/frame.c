#include "frame.h"

#include <stdlib.h>
#include <string.h>

/* A whole DATA frame and some small ones fit without growing. */
#define BASE_CAPACITY (NK_DATA_MAX_BYTES + 4096u)
#define ROOM_MIN_BYTES 64u

struct rule {
    uint8_t type;
    uint8_t senders; /* bit 1 << nk_sender */
    uint8_t on_stream;
    uint32_t min_bytes;
    uint32_t max_bytes;
};

#define BY(sender) (uint8_t)(1u << (sender))
#define BY_ALL (BY(NK_FROM_HOST) | BY(NK_FROM_GUEST) | BY(NK_FROM_MONITOR) | BY(NK_FROM_SHADOW))

static const struct rule rules[] = {
    {NK_CONTROL, BY(NK_FROM_HOST) | BY(NK_FROM_SHADOW), 0, 1, NK_CONTROL_TO_GUEST_MAX_BYTES},
    {NK_CONTROL, BY(NK_FROM_GUEST), 0, 1, NK_CONTROL_TO_HOST_MAX_BYTES},
    {NK_DATA, BY_ALL, 1, 1, NK_DATA_MAX_BYTES},
    {NK_CREDIT, BY_ALL, 1, 4, 4},
    {NK_EOF, BY_ALL, 1, 0, 0},
    {NK_CLOSE, BY_ALL, 1, 0, 0},
    {NK_SIGNAL, BY(NK_FROM_SHADOW), 0, 4, 4},
    {NK_RESIZE, BY(NK_FROM_SHADOW), 0, 4, 4},
    {NK_STARTED, BY(NK_FROM_MONITOR), 0, 0, 0},
    {NK_EXIT, BY(NK_FROM_MONITOR), 0, 4, 4},
    {NK_FAILED, BY(NK_FROM_MONITOR), 0, 0, NK_FAILED_MAX_BYTES},
};

void nk_put_u16(uint8_t *out, uint16_t value) {
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

void nk_put_u32(uint8_t *out, uint32_t value) {
    nk_put_u16(out, (uint16_t)value);
    nk_put_u16(out + 2, (uint16_t)(value >> 16));
}

uint16_t nk_get_u16(const uint8_t *in) {
    return (uint16_t)(in[0] | in[1] << 8);
}

uint32_t nk_get_u32(const uint8_t *in) {
    return (uint32_t)nk_get_u16(in) | (uint32_t)nk_get_u16(in + 2) << 16;
}

void nk_frame_encode_header(uint8_t out[NK_FRAME_HEADER_BYTES], uint8_t type, uint32_t stream,
                            uint32_t length) {
    nk_put_u32(out, length);
    out[4] = type;
    out[5] = 0;
    nk_put_u16(out + 6, 0);
    nk_put_u32(out + 8, stream);
}

static const struct rule *find_rule(enum nk_sender sender, uint8_t type) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].type == type && (rules[i].senders & BY(sender)))
            return &rules[i];
    }
    return NULL;
}

int nk_frame_check(enum nk_sender sender, const uint8_t header[NK_FRAME_HEADER_BYTES]) {
    const struct rule *rule = find_rule(sender, header[4]);
    uint32_t length = nk_get_u32(header);

    if (!rule)
        return NK_BAD_TYPE;
    if (header[5] != 0)
        return NK_BAD_FLAGS;
    if (nk_get_u16(header + 6) != 0)
        return NK_BAD_RESERVED;
    if (length < rule->min_bytes || length > rule->max_bytes)
        return NK_BAD_LENGTH;
    if ((nk_get_u32(header + 8) != 0) != rule->on_stream)
        return NK_BAD_STREAM;
    return NK_FRAME_OK;
}

const char *nk_frame_fault_name(int fault) {
    switch (fault) {
    case NK_FRAME_OK:
        return "ok";
    case NK_BAD_TYPE:
        return "type";
    case NK_BAD_FLAGS:
        return "flags";
    case NK_BAD_RESERVED:
        return "reserved";
    case NK_BAD_LENGTH:
        return "length";
    case NK_BAD_STREAM:
        return "stream";
    default:
        return "memory";
    }
}

void nk_decoder_init(struct nk_decoder *d, enum nk_sender sender) {
    memset(d, 0, sizeof *d);
    d->sender = sender;
}

void nk_decoder_free(struct nk_decoder *d) {
    free(d->buf);
    nk_decoder_init(d, d->sender);
}

void nk_decoder_reset(struct nk_decoder *d) {
    nk_decoder_free(d);
}

/* The bytes that the frame at the front needs; the base capacity while its header is not there or is not
 * valid. */
static size_t wanted_capacity(const struct nk_decoder *d) {
    const uint8_t *header = d->buf ? d->buf + d->start : NULL;
    size_t need;

    if (d->end - d->start < NK_FRAME_HEADER_BYTES || nk_frame_check(d->sender, header) != NK_FRAME_OK)
        return BASE_CAPACITY;
    need = NK_FRAME_HEADER_BYTES + (size_t)nk_get_u32(header);
    return need > BASE_CAPACITY ? need : BASE_CAPACITY;
}

uint8_t *nk_decoder_space(struct nk_decoder *d, size_t *room) {
    size_t held = d->end - d->start;
    size_t capacity = wanted_capacity(d);

    if (d->start > 0) {
        memmove(d->buf, d->buf + d->start, held);
        d->start = 0;
        d->end = held;
    }
    /* The caller may not have decoded all that was received, and what ends a connection must not be cut:
     * always leave some room. */
    if (capacity < held + ROOM_MIN_BYTES)
        capacity = held + BASE_CAPACITY;
    if (capacity != d->capacity) {
        uint8_t *buf = realloc(d->buf, capacity);
        if (!buf)
            return NULL;
        d->buf = buf;
        d->capacity = capacity;
    }
    *room = d->capacity - d->end;
    return d->buf + d->end;
}

void nk_decoder_commit(struct nk_decoder *d, size_t n) {
    d->end += n;
}

int nk_decoder_next(struct nk_decoder *d, struct nk_frame *out) {
    size_t held = d->end - d->start;
    const uint8_t *header = d->buf ? d->buf + d->start : NULL;
    uint32_t length;
    int fault;

    if (held < NK_FRAME_HEADER_BYTES)
        return 0;
    fault = nk_frame_check(d->sender, header);
    if (fault != NK_FRAME_OK)
        return fault;
    length = nk_get_u32(header);
    if (held - NK_FRAME_HEADER_BYTES < length)
        return 0;

    out->type = header[4];
    out->stream = nk_get_u32(header + 8);
    out->length = length;
    out->payload = header + NK_FRAME_HEADER_BYTES;
    d->start += NK_FRAME_HEADER_BYTES + length;
    return 1;
}
