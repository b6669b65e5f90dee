/* Ports of a guest, reached by its monitor (ports.c). */
#ifndef NK_PORTS_H
#define NK_PORTS_H

#include <netinet/in.h>

/* Has the monitor at `socket_path` connect to a port of its guest, and passes on bytes until both sides have
 * ended. <0: it could not be reached, or one of them is lost. */
int port_carry(int client, const char *socket_path, in_port_t port);

#endif
