#pragma once
/* The back-end's side of vhost-user (docs/interop/vhost-user.rst of QEMU), as far as QEMU 7.2 uses it for
 * vsock. */
#include "queue.h"

enum { RX, TX, QUEUES };

extern struct queue queues[QUEUES];

/* Handles one message. False: QEMU has gone. */
bool vhost_user_message(int connection, uint64_t guest_cid);
/* The guest's memory at a physical address. Ends the process when there is not as much. */
void *guest_memory(uint64_t address, uint64_t size);
