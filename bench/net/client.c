/*
 * The load of bench/net, on the host, for a server.c:
 *   net-client requests ADDRESS PORT COUNT PARALLEL   HTTP requests, each on a connection of its own
 *   net-client connections ADDRESS PORT COUNT         all are opened before the first is used
 *   net-client roundtrips ADDRESS PORT COUNT          one byte there and back, on one connection
 *   net-client stat ADDRESS PORT                      the server's /proc/stat
 * Prints "us MICROSECONDS" (of round trips the median) and "lost COUNT".
 */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct sockaddr_in server;

long long now_us(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void say(long long us, int lost) {
    printf("us %lld\nlost %d\n", us, lost);
}

/** A connection that blocks, and not for ever. */
static int connect_now(void) {
    struct timeval limit = {.tv_sec = SILENCE_MS / 1000};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    must(fd >= 0, "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
    must(connect(fd, (struct sockaddr *)&server, sizeof server) == 0, "connect");
    return fd;
}

static int by_size(const void *a, const void *b) {
    long long x = *(const long long *)a, y = *(const long long *)b;

    return (x > y) - (x < y);
}

static void roundtrips(int count) {
    long long *took_us = calloc((size_t)count, sizeof *took_us);
    int fd = connect_now();
    char byte = 'x';

    must(took_us != NULL, "calloc");
    for (int i = 0; i < count; i++) {
        long long start_us = now_us();

        must(write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1, "a byte there and back");
        took_us[i] = now_us() - start_us;
    }
    qsort(took_us, (size_t)count, sizeof *took_us, by_size);
    say(took_us[count / 2], 0);
    free(took_us);
}

static void stat_of_server(void) {
    static const char request[] = "GET /stat HTTP/1.0\r\n\r\n";
    char bytes[4096];
    int fd = connect_now();
    ssize_t got;

    must(write(fd, request, sizeof request - 1) > 0, "write");
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        fwrite(bytes, 1, (size_t)got, stdout);
    must(got == 0, "read");
}

int main(int argc, char **argv) {
    must(argc >= 4, "usage: net-client requests|connections|roundtrips|stat ADDRESS PORT [COUNT [PARALLEL]]");
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[3]));
    must(inet_pton(AF_INET, argv[2], &server.sin_addr) == 1, argv[2]);
    raise_file_limit();
    if (argc == 6 && strcmp(argv[1], "requests") == 0)
        requests(atoi(argv[4]), atoi(argv[5]));
    else if (argc == 5 && strcmp(argv[1], "connections") == 0)
        connections(atoi(argv[4]));
    else if (argc == 5 && strcmp(argv[1], "roundtrips") == 0)
        roundtrips(atoi(argv[4]));
    else if (strcmp(argv[1], "stat") == 0)
        stat_of_server();
    else
        return 2;
    return 0;
}
