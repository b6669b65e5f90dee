/* The frame layer of protocol/agent-protocol.md, shared by the guest agent and the shadow. */
#ifndef NK_FRAME_H
#define NK_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define NK_FRAME_HEADER_BYTES 12u
#define NK_DATA_MAX_BYTES 65536u
#define NK_CONTROL_TO_GUEST_MAX_BYTES (4u << 20)
#define NK_CONTROL_TO_HOST_MAX_BYTES (1u << 20)
#define NK_FAILED_MAX_BYTES 65536u

enum nk_frame_type {
    NK_CONTROL = 1,
    NK_DATA = 2,
    NK_CREDIT = 3,
    NK_EOF = 4,
    NK_CLOSE = 5,
    /* Between monitor and shadow only. */
    NK_SIGNAL = 16,
    NK_RESIZE = 17,
    NK_STARTED = 18,
    NK_EXIT = 19,
    NK_FAILED = 20,
};

/* Stream ids between monitor and shadow. */
enum nk_shadow_stream { NK_STDIN_STREAM = 1, NK_STDOUT_STREAM = 2, NK_STDERR_STREAM = 3 };

/* Who sent the bytes that a decoder reads: it sets which types are legal and how long they may be. */
enum nk_sender { NK_FROM_HOST, NK_FROM_GUEST, NK_FROM_MONITOR, NK_FROM_SHADOW };

enum nk_frame_fault {
    NK_FRAME_OK = 0,
    NK_BAD_TYPE = -1,
    NK_BAD_FLAGS = -2,
    NK_BAD_RESERVED = -3,
    NK_BAD_LENGTH = -4,
    NK_BAD_STREAM = -5,
    NK_NO_MEMORY = -6,
};

struct nk_frame {
    uint8_t type;
    uint32_t stream;
    uint32_t length;
    /* Inside the decoder's buffer: valid until the next call on the decoder. */
    const uint8_t *payload;
};

/* Bytes [start, end) of buf are received and not yet decoded. */
struct nk_decoder {
    enum nk_sender sender;
    uint8_t *buf;
    size_t start;
    size_t end;
    size_t capacity;
};

void nk_put_u16(uint8_t *out, uint16_t value);
void nk_put_u32(uint8_t *out, uint32_t value);
uint16_t nk_get_u16(const uint8_t *in);
uint32_t nk_get_u32(const uint8_t *in);

void nk_frame_encode_header(uint8_t out[NK_FRAME_HEADER_BYTES], uint8_t type, uint32_t stream,
                            uint32_t length);

/* Checks a header alone, so that no byte of an oversized payload is ever waited for. Returns an
 * nk_frame_fault. */
int nk_frame_check(enum nk_sender sender, const uint8_t header[NK_FRAME_HEADER_BYTES]);

/* "type", "flags", "reserved", "length", "stream" or "memory": the words of the test vectors. */
const char *nk_frame_fault_name(int fault);

void nk_decoder_init(struct nk_decoder *d, enum nk_sender sender);
void nk_decoder_free(struct nk_decoder *d);

/* Forgets all bytes: for a new connection. */
void nk_decoder_reset(struct nk_decoder *d);

/* Where to read into, with *room > 0 bytes; NULL without memory. */
uint8_t *nk_decoder_space(struct nk_decoder *d, size_t *room);

/* n bytes were read into the space. */
void nk_decoder_commit(struct nk_decoder *d, size_t n);

/* 1: *out is the next frame; 0: more bytes are needed; <0: an nk_frame_fault, the connection is over. */
int nk_decoder_next(struct nk_decoder *d, struct nk_frame *out);

#endif
