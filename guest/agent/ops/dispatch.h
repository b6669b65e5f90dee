/* Frames from the host to those they are for. */
#ifndef NK_DISPATCH_H
#define NK_DISPATCH_H

#include "common/frame.h"

/* NULL, or in which way the frame is a protocol error. */
const char *nk_dispatch_frame(const struct nk_frame *frame);

/* A connection began: says hello and what has been waiting. */
void nk_dispatch_connected(void);

/* The connection ended: streams and unanswered requests went with it. */
void nk_dispatch_disconnected(void);

/* "configure" was done. */
void nk_dispatch_set_configured(void);

#endif
