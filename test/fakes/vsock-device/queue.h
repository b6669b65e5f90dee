#pragma once
/* A split virtqueue of the guest's (virtio 1.1, 2.6) in memory that it shares with us. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define MAX_PARTS 32

struct queue {
    unsigned size;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t next; /* of avail */
    int kick;      /* -1: the queue stands still */
    int call;
};

/* A request of the guest's: its parts in our memory. */
struct chain {
    uint16_t head;
    struct iovec parts[MAX_PARTS];
    int count;
};

bool queue_runs(const struct queue *ring);
bool queue_has_some(const struct queue *ring);
/* False: there is none. Ends the process when the guest breaks the rules. */
bool queue_pop(struct queue *ring, struct chain *chain);
void queue_push(struct queue *ring, const struct chain *chain, uint32_t written);
void queue_notify(const struct queue *ring);
/* Copies between a chain and a buffer, up to the shorter of both; returns how much. */
size_t chain_read(const struct chain *chain, size_t offset, void *to, size_t size);
size_t chain_write(const struct chain *chain, size_t offset, const void *from, size_t size);
size_t chain_size(const struct chain *chain);
