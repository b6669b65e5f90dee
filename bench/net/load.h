/* What server.c and client.c have agreed on, and what both need. */
#ifndef NK_BENCH_NET_LOAD_H
#define NK_BENCH_NET_LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/** A short answer: what is measured is the connection, not its bytes. */
#define ANSWER_HEAD "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
#define BODY_BYTES 1024
#define ANSWER_BYTES (sizeof ANSWER_HEAD - 1 + BODY_BYTES)

/** What is sent on each of many connections, and comes back. */
#define ECHO_BYTES 1024

static inline void must(int ok, const char *what) {
    if (ok)
        return;
    perror(what);
    exit(1);
}

/** As many connections as the process may ever have. */
static inline void raise_file_limit(void) {
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

#endif
