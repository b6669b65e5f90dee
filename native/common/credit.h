/* Credit-based flow control of one stream, both ends. */
#ifndef NK_CREDIT_FLOW_H
#define NK_CREDIT_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#define NK_CREDIT_START_BYTES 262144u
#define NK_CREDIT_RETURN_BYTES 65536u
#define NK_CREDIT_MAX_BYTES (16u << 20)

/* The sending end: adds a CREDIT frame's bytes to the balance. <0 when the balance would be over
 * NK_CREDIT_MAX_BYTES. */
int nk_credit_add(uint32_t *balance, uint32_t bytes);

/* The receiving end. */
struct nk_window {
    uint32_t allowed; /* bytes that the sender may still send */
    uint32_t due;     /* bytes that have left our buffer and were not given back yet */
};

void nk_window_init(struct nk_window *w);

/* A DATA frame came. <0: the sender had no credit for it. */
int nk_window_receive(struct nk_window *w, uint32_t bytes);

/* Bytes left our buffer, which is now empty or not. Returns the credit to send now; 0: none yet. */
uint32_t nk_window_release(struct nk_window *w, uint32_t bytes, bool buffer_empty);

#endif
