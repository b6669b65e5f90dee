/* Frames from the host to those they are for. */
#ifndef NK_DISPATCH_H
#define NK_DISPATCH_H

#include "common/frame.h"

/* NULL, or in which way the frame is a protocol error. */
const char *nk_dispatch_frame(const struct nk_frame *frame);

/* A connection began: says hello. One with a number goes on with what there was, once the host has said what
 * it has of it (nk_op_reconnect); any other forgets it. */
void nk_dispatch_connected(unsigned number);

/* The connection ended: unanswered requests went with it, streams wait. */
void nk_dispatch_disconnected(void);

/* "configure" was done. */
void nk_dispatch_set_configured(void);

#endif
