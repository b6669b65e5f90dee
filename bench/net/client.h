/* What the files of client.c share. */
#ifndef NK_BENCH_NET_CLIENT_H
#define NK_BENCH_NET_CLIENT_H

#include "load.h"

#include <netinet/in.h>

/**
 * When nothing has come for so long, what is missing is lost. A SYN that was dropped is sent again after 1,
 * 3, 7 and 15 s.
 */
#define SILENCE_MS 20000

/** Whom the load is for. */
extern struct sockaddr_in server;

long long now_us(void);
void say(long long us, int lost);

void requests(int count, int parallel);
void connections(int count);

#endif
