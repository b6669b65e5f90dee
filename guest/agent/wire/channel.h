/* Frames in and out of the connection to the host. */
#ifndef NK_CHANNEL_H
#define NK_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A connection begins on fd, which must not block. An edge-triggered one belongs to a virtio-serial port: it
 * reports EPOLLHUP for as long as no host is there. The channel owns fd from now on. Once there are marks
 * (mark.h) it is deaf and mute until the host's comes. */
int nk_channel_open(int fd, bool edge_triggered);

/* Ends the connection and drops what was queued. */
void nk_channel_close(void);

/* Drops what was queued and what is half received; the descriptor stays, for a host that comes again. */
void nk_channel_await_mark(void);

/* Frames can be sent. */
bool nk_channel_is_open(void);

/* There is a descriptor, whether a host is there or not. */
bool nk_channel_has_descriptor(void);

/* Sends what is queued as far as the transport takes it. */
void nk_channel_flush(void);

/* Waits (bounded) until the host has taken everything: only for the time before the power goes off. */
void nk_channel_settle(void);

/* Bytes that wait for the transport. */
size_t nk_channel_queued_bytes(void);

/* So much waits for the transport that no more process output may be read. The user is told when it is over:
 * has_room of wire.h. */
bool nk_channel_is_congested(void);

/* Room for the payload of a frame at the end of the queue; then the frame is queued with its true length, or
 * not at all. NULL: no connection or no memory. */
uint8_t *nk_channel_reserve(size_t payload_bytes);
void nk_channel_commit(uint8_t type, uint32_t stream, uint32_t length);

/* The transport takes pages of pipes (splice.h), and nothing waits before a frame that is spliced now. */
bool nk_channel_can_splice(void);

/* Sends at most n bytes of a pipe as a DATA frame, without a copy: the pages themselves go to the transport.
 * Bytes sent, or <0 with errno as read(2) has it. Only when nk_channel_can_splice(). */
ssize_t nk_channel_splice(uint32_t stream, int pipe, uint32_t n);

/* Congested until all that waits is gone. */
void nk_channel_await_empty(void);

/* Queues a frame; dropped without a connection. */
void nk_channel_send(uint8_t type, uint32_t stream, const void *payload, uint32_t length);

/* Queues a CONTROL frame. <0: over the limit of the protocol. Takes over the reference. */
int nk_channel_send_json(json_t *message);

#endif
