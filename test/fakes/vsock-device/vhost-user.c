#include "vhost-user.h"

#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    SET_VRING_ERR = 14,
    GET_PROTOCOL_FEATURES = 15,
    GET_QUEUE_NUM = 17,
    GET_CONFIG = 24,
};

#define F_VERSION_1 (1ULL << 32)
#define F_PROTOCOL_FEATURES (1ULL << 30)
#define PROTOCOL_F_MQ (1ULL << 0)
#define PROTOCOL_F_CONFIG (1ULL << 9)
#define FLAG_VERSION 1
#define FLAG_REPLY 4
#define NO_DESCRIPTOR 0x100
#define MAX_REGIONS 8

struct region {
    uint64_t guest, size, user, offset;
};

struct message {
    uint32_t request, flags, size;
    union {
        uint64_t number;
        struct {
            uint32_t index, value;
        } state;
        struct {
            uint32_t index, flags;
            uint64_t desc, used, avail, log;
        } address;
        struct {
            uint32_t count, padding;
            struct region regions[MAX_REGIONS];
        } memory;
        struct {
            uint32_t offset, size, flags;
            uint8_t data[256];
        } config;
    };
} __attribute__((packed));

#define HEAD_SIZE 12

struct queue queues[QUEUES] = {{.kick = -1, .call = -1}, {.kick = -1, .call = -1}};

static struct {
    struct region region;
    char *here;
} memory[MAX_REGIONS];
static unsigned regions;

void *guest_memory(uint64_t address, uint64_t size) {
    for (unsigned i = 0; i < regions; i++) {
        const struct region *r = &memory[i].region;
        if (address >= r->guest && address - r->guest <= r->size && size <= r->size - (address - r->guest))
            return memory[i].here + r->offset + (address - r->guest);
    }
    errx(1, "the guest has no memory at %#llx", (unsigned long long)address);
}

/* QEMU names rings by its own addresses. */
static void *qemu_memory(uint64_t address) {
    for (unsigned i = 0; i < regions; i++) {
        const struct region *r = &memory[i].region;
        if (address >= r->user && address - r->user < r->size)
            return memory[i].here + r->offset + (address - r->user);
    }
    errx(1, "QEMU has no memory at %#llx", (unsigned long long)address);
}

static void map_memory(const struct message *m, const int *fds, int fd_count) {
    for (unsigned i = 0; i < regions; i++)
        munmap(memory[i].here, memory[i].region.size + memory[i].region.offset);
    if (m->memory.count > MAX_REGIONS || (int)m->memory.count != fd_count)
        errx(1, "%u regions of memory with %d descriptors", m->memory.count, fd_count);
    regions = m->memory.count;
    for (unsigned i = 0; i < regions; i++) {
        const struct region r = m->memory.regions[i];
        memory[i].region = r;
        memory[i].here = mmap(NULL, r.size + r.offset, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);
        if (memory[i].here == MAP_FAILED)
            err(1, "the guest's memory");
        close(fds[i]);
    }
}

static struct queue *ring_of(uint64_t index) {
    if ((index & 0xff) >= QUEUES)
        errx(1, "there is no queue %d", (int)(index & 0xff));
    return &queues[index & 0xff];
}

static void set_descriptor(int *slot, const struct message *m, const int *fds, int fd_count) {
    if (*slot >= 0)
        close(*slot);
    *slot = fd_count == 1 && !(m->number & NO_DESCRIPTOR) ? fds[0] : -1;
}

static void set_address(const struct message *m) {
    struct queue *ring = ring_of(m->address.index);

    ring->desc = qemu_memory(m->address.desc);
    ring->used = qemu_memory(m->address.used);
    ring->avail = qemu_memory(m->address.avail);
}

/* The queue stops where it is. */
static void get_base(struct message *m) {
    struct queue *ring = ring_of(m->state.index);

    m->state.value = ring->next;
    if (ring->kick >= 0)
        close(ring->kick);
    ring->kick = -1;
}

static void reply(int connection, struct message *m, uint32_t size) {
    m->flags = FLAG_VERSION | FLAG_REPLY;
    m->size = size;
    if (write(connection, m, HEAD_SIZE + size) != (ssize_t)(HEAD_SIZE + size))
        err(1, "answer to QEMU");
}

static bool receive(int connection, struct message *m, int *fds, int *fd_count) {
    char control[CMSG_SPACE(MAX_REGIONS * sizeof(int))];
    struct iovec part = {m, HEAD_SIZE};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(connection, &header, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);

    if (n != HEAD_SIZE)
        return false;
    if (m->size > sizeof *m - HEAD_SIZE)
        errx(1, "message %u of %u bytes", m->request, m->size);
    *fd_count = 0;
    if (c && c->cmsg_type == SCM_RIGHTS) {
        *fd_count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), (size_t)*fd_count * sizeof(int));
    }
    return m->size == 0 || recv(connection, &m->number, m->size, MSG_WAITALL) == (ssize_t)m->size;
}

bool vhost_user_message(int connection, uint64_t guest_cid) {
    struct message m = {0};
    int fds[MAX_REGIONS];
    int fd_count;

    if (!receive(connection, &m, fds, &fd_count))
        return false;
    switch (m.request) {
    case GET_FEATURES:
        m.number = F_VERSION_1 | F_PROTOCOL_FEATURES;
        reply(connection, &m, sizeof m.number);
        break;
    case GET_PROTOCOL_FEATURES:
        m.number = PROTOCOL_F_MQ | PROTOCOL_F_CONFIG;
        reply(connection, &m, sizeof m.number);
        break;
    case GET_QUEUE_NUM:
        m.number = QUEUES;
        reply(connection, &m, sizeof m.number);
        break;
    case GET_CONFIG:
        memcpy(m.config.data, &guest_cid, sizeof guest_cid);
        reply(connection, &m, m.size);
        break;
    case SET_MEM_TABLE:
        map_memory(&m, fds, fd_count);
        break;
    case SET_VRING_NUM:
        ring_of(m.state.index)->size = m.state.value;
        break;
    case SET_VRING_ADDR:
        set_address(&m);
        break;
    case SET_VRING_BASE:
        ring_of(m.state.index)->next = (uint16_t)m.state.value;
        break;
    case GET_VRING_BASE:
        get_base(&m);
        reply(connection, &m, sizeof m.state);
        break;
    case SET_VRING_KICK:
        set_descriptor(&ring_of(m.number)->kick, &m, fds, fd_count);
        break;
    case SET_VRING_CALL:
        set_descriptor(&ring_of(m.number)->call, &m, fds, fd_count);
        break;
    case SET_VRING_ERR:
        if (fd_count == 1)
            close(fds[0]);
        break;
    default: /* owner, features, enabling: nothing to do */
        break;
    }
    return true;
}
