#ifndef NK_CONNECT_H
#define NK_CONNECT_H

/* Connects to a Unix socket whose path may be longer than the 107 bytes of an address. <0 with errno. */
int connect_unix(const char *path);

#endif
