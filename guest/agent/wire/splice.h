/* DATA frames from a process's pipe to the transport without a copy: header and pages wait in a pipe. */
#ifndef NK_SPLICE_H
#define NK_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where it fails everything is copied. */
void nk_splice_open(void);
void nk_splice_close(void);
bool nk_splice_is_open(void);

size_t nk_splice_staged_bytes(void);

/* Takes at most n bytes of the pipe as a frame. Bytes, or <0 with errno as read(2) has it; EIO: a frame is
 * cut. */
ssize_t nk_splice_stage(uint32_t stream, int pipe, uint32_t n);

/* As write(2), of what is staged. */
ssize_t nk_splice_send(int fd);

#endif
