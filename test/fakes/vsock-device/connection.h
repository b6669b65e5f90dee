#pragma once
/* A vsock connection, and the Unix socket that is its host's end. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What either side may send before the other has taken it. */
#define BUFFER_SIZE (256 * 1024)
#define MAX_CONNECTIONS 1023

enum state {
    UNUSED,
    NAMING,    /* the host has connected, and says which port */
    DIALING,   /* the guest has asked; we wait for the host's side to say yes */
    REQUESTED, /* we have asked the guest */
    OPEN,
};

struct connection {
    enum state state;
    int fd;
    uint32_t host_port, guest_port;
    uint32_t peer_buffer, peer_taken; /* the guest's credit for us */
    uint32_t sent, taken;
    char *waiting; /* what the guest has sent and the host has not taken */
    size_t waiting_size;
    bool host_ended;  /* nothing more comes from the host */
    bool guest_ended; /* nothing more comes from the guest */
    bool guest_gone;  /* and it takes nothing more */
};

extern struct connection connections[MAX_CONNECTIONS];

struct connection *connection_new(int fd, enum state state);
struct connection *connection_find(uint32_t host_port, uint32_t guest_port);
void connection_free(struct connection *c);
/* How much the guest takes now. */
uint32_t connection_credit(const struct connection *c);
/* Keeps what the guest has sent; false: it was more than it may. */
bool connection_keep(struct connection *c, const void *data, size_t size);
/* Writes as much as the host takes. False: it takes nothing any more. */
bool connection_write(struct connection *c);
