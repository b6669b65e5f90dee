#include "queue.h"

#include "vhost-user.h"

#include <err.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

bool queue_runs(const struct queue *ring) {
    return ring->kick >= 0 && ring->desc && ring->avail && ring->used;
}

bool queue_has_some(const struct queue *ring) {
    return queue_runs(ring) && ring->next != __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE);
}

bool queue_pop(struct queue *ring, struct chain *chain) {
    uint16_t index;

    if (!queue_has_some(ring))
        return false;
    index = ring->avail->ring[ring->next++ % ring->size];
    chain->head = index;
    chain->count = 0;
    for (;;) {
        const struct vring_desc *desc = &ring->desc[index];
        if (index >= ring->size || chain->count == MAX_PARTS)
            errx(1, "the guest's queue makes no sense");
        chain->parts[chain->count++] = (struct iovec){guest_memory(desc->addr, desc->len), desc->len};
        if (!(desc->flags & VRING_DESC_F_NEXT))
            return true;
        index = desc->next;
    }
}

void queue_push(struct queue *ring, const struct chain *chain, uint32_t written) {
    uint16_t index = ring->used->idx;

    ring->used->ring[index % ring->size] = (struct vring_used_elem){.id = chain->head, .len = written};
    __atomic_store_n(&ring->used->idx, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

void queue_notify(const struct queue *ring) {
    uint64_t one = 1;

    if (ring->call >= 0 && write(ring->call, &one, sizeof one) < 0)
        warn("interrupt");
}

static size_t copy(const struct chain *chain, size_t offset, char *to, const char *from, size_t size) {
    size_t done = 0;

    for (int i = 0; i < chain->count && done < size; i++) {
        const struct iovec *part = &chain->parts[i];
        size_t n = part->iov_len > offset ? part->iov_len - offset : 0;
        char *here = (char *)part->iov_base + offset;
        offset -= part->iov_len < offset ? part->iov_len : offset;
        if (n > size - done)
            n = size - done;
        if (n > 0)
            memcpy(to ? to + done : here, to ? here : from + done, n);
        done += n;
    }
    return done;
}

size_t chain_read(const struct chain *chain, size_t offset, void *to, size_t size) {
    return copy(chain, offset, to, NULL, size);
}

size_t chain_write(const struct chain *chain, size_t offset, const void *from, size_t size) {
    return copy(chain, offset, NULL, from, size);
}

size_t chain_size(const struct chain *chain) {
    size_t size = 0;

    for (int i = 0; i < chain->count; i++)
        size += chain->parts[i].iov_len;
    return size;
}
