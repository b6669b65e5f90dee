/* The virtio-serial port named nk.agent. */
#ifndef NK_PORT_H
#define NK_PORT_H

/* Opens the port, not blocking. <0: ENOENT when there is none yet. */
int nk_port_open(void);

/* A socket on which the kernel tells of devices. */
int nk_port_open_uevents(void);
void nk_port_drain_uevents(int fd);

#endif
