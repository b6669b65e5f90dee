/* What the relay of a name server passes on, and what it does not. */
#include "relay_rig.h"

#include "network/commands.h"

#define LARGE_BYTES 1000000

static void answers_by_udp_go_to_who_asked(void) {
    cleanup_close int one = connected(&asked_udp, SOCK_DGRAM), other = connected(&asked_udp, SOCK_DGRAM);
    struct sockaddr_in from_one, from_other;

    CHECK(send(one, "one", 3, 0) == 3);
    from_one = receive_query("one");
    CHECK(send(other, "other", 5, 0) == 5);
    from_other = receive_query("other");
    answer_query(&from_other, "to other");
    answer_query(&from_one, "to one");
    receives(one, "to one");
    receives(other, "to other");
}

static void a_large_datagram_passes(void) {
    static char sent[60000], found[65000];
    cleanup_close int client = connected(&asked_udp, SOCK_DGRAM);
    struct sockaddr_in from;

    memset(sent, 'x', sizeof sent);
    CHECK(send(client, "large", 5, 0) == 5);
    from = receive_query("large");
    CHECK(sendto(server_udp, sent, sizeof sent, 0, (struct sockaddr *)&from, sizeof from) == sizeof sent);
    has(client);
    CHECK(recv(client, found, sizeof found, 0) == sizeof sent && memcmp(found, sent, sizeof sent) == 0);
}

/* A stranger's datagram is no answer. */
static void others_do_not_answer(void) {
    cleanup_close int client = connected(&asked_udp, SOCK_DGRAM);
    cleanup_close int stranger = -1;
    struct sockaddr_in from, at;

    stranger = listen_at("127.0.0.4", SOCK_DGRAM, &at);
    CHECK(send(client, "q", 1, 0) == 1);
    from = receive_query("q");
    CHECK(sendto(stranger, "forged", 6, 0, (struct sockaddr *)&from, sizeof from) == 6);
    answer_query(&from, "true");
    receives(client, "true");
}

static void the_oldest_query_gives_way(void) {
    cleanup_close int first = connected(&asked_udp, SOCK_DGRAM), last = connected(&asked_udp, SOCK_DGRAM);
    struct sockaddr_in from_first, from_last;

    CHECK(send(first, "first", 5, 0) == 5);
    from_first = receive_query("first");
    for (int i = 0; i < RELAY_QUERIES - 1; i++) {
        CHECK(send(last, "more", 4, 0) == 4);
        receive_query("more");
    }
    CHECK(send(last, "last", 4, 0) == 4);
    from_last = receive_query("last");
    answer_query(&from_first, "too late");
    answer_query(&from_last, "in time");
    receives(last, "in time");
    CHECK(has_nothing(first));
    CHECK(descriptors_of_relay() < RELAY_QUERIES + 20);
}

/* Opens a connection through the relay. */
static void connect_both(int *client, int *server) {
    *client = connected(&asked_tcp, SOCK_STREAM);
    has(server_tcp);
    CHECK((*server = accept4(server_tcp, NULL, NULL, SOCK_CLOEXEC)) >= 0);
}

static void a_half_of_a_connection_ends_alone(void) {
    cleanup_close int client = -1, server = -1;

    connect_both(&client, &server);
    CHECK(send(client, "question", 8, 0) == 8 && shutdown(client, SHUT_WR) == 0);
    receives(server, "question");
    receives(server, "");
    CHECK(send(server, "answer", 6, 0) == 6);
    receives(client, "answer");
    nk_cleanup_close(&server);
    server = -1;
    receives(client, "");
}

/* Larger than all that is on the way: nobody reads until all of it is written. */
static void what_is_not_read_waits(void) {
    static char sent[LARGE_BYTES], found[LARGE_BYTES];
    cleanup_close int client = -1, server = -1;
    pid_t writer;
    int status;

    connect_both(&client, &server);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 + i / 251);
    fflush(stdout);
    CHECK((writer = fork()) >= 0);
    if (writer == 0)
        _exit(nk_write_all(server, sent, sizeof sent) == 0 ? 0 : 1);
    nk_cleanup_close(&server);
    server = -1;
    CHECK(nk_read_full(client, found, sizeof found) == sizeof found);
    CHECK(memcmp(found, sent, sizeof sent) == 0);
    CHECK(waitpid(writer, &status, 0) == writer && status == 0);
    receives(client, "");
}

static void one_side_that_is_lost_ends_the_other(void) {
    const struct linger reset = {.l_onoff = 1};
    cleanup_close int client = -1, server = -1;
    char byte;

    connect_both(&client, &server);
    CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    nk_cleanup_close(&client);
    client = -1;
    has(server);
    CHECK(recv(server, &byte, 1, 0) <= 0);
}

static void more_connections_wait_for_a_place(void) {
    int clients[RELAY_CONNECTIONS], servers[RELAY_CONNECTIONS];
    cleanup_close int late = -1, late_server = -1;

    for (int i = 0; i < RELAY_CONNECTIONS; i++)
        connect_both(&clients[i], &servers[i]);
    late = connected(&asked_tcp, SOCK_STREAM);
    CHECK(send(clients[0], "q", 1, 0) == 1);
    receives(servers[0], "q");
    CHECK(has_nothing(server_tcp));
    close(clients[0]);
    close(servers[0]);
    has(server_tcp);
    CHECK((late_server = accept4(server_tcp, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    CHECK(send(late, "late", 4, 0) == 4);
    receives(late_server, "late");
    for (int i = 1; i < RELAY_CONNECTIONS; i++) {
        close(clients[i]);
        close(servers[i]);
    }
}

static void a_server_that_is_not_there_costs_its_clients_alone(void) {
    cleanup_close int lost = connected(&asked_udp, SOCK_DGRAM), client = -1;
    struct sockaddr_in from;

    close(server_udp);
    close(server_tcp);
    CHECK(send(lost, "q", 1, 0) == 1);
    client = connected(&asked_tcp, SOCK_STREAM);
    receives(client, "");
    server_udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(server_udp, (struct sockaddr *)&ways.items[0].server, sizeof ways.items[0].server) == 0);
    CHECK(send(lost, "again", 5, 0) == 5);
    from = receive_query("again");
    answer_query(&from, "here");
    receives(lost, "here");
}

static void what_is_too_old_ends(void) {
    static struct relay_queries queries;
    static struct relay_connections connections;
    struct pollfd polled[RELAY_QUERIES + 2 * RELAY_CONNECTIONS] = {0};
    cleanup_close int client = connected(&asked_udp, SOCK_DGRAM), stream = connected(&asked_tcp, SOCK_STREAM);
    uint64_t next_us = UINT64_MAX;

    relay_queries_start(&queries);
    relay_connections_start(&connections);
    CHECK(send(client, "q", 1, 0) == 1);
    has(ways.items[0].tcp);
    relay_queries_ask(&queries, &ways, 0, 1000);
    relay_connections_accept(&connections, &ways.items[0], 1000);
    relay_queries_poll(&queries, polled, &next_us);
    CHECK(next_us == 1000 + 15000000);
    memset(polled, 0, sizeof polled);
    relay_queries_step(&queries, &ways, polled, next_us - 1);
    CHECK(queries.items[0].fd >= 0);
    relay_queries_step(&queries, &ways, polled, next_us);
    CHECK(queries.items[0].fd < 0);
    next_us = UINT64_MAX;
    relay_connections_poll(&connections, polled, &next_us);
    CHECK(next_us == 1000 + 30000000);
    memset(polled, 0, sizeof polled);
    relay_connections_step(&connections, polled, next_us - 1);
    CHECK(connections.items[0].fds[0] >= 0);
    relay_connections_step(&connections, polled, next_us);
    CHECK(connections.items[0].fds[0] < 0 && connections.items[0].fds[1] < 0);
    receives(stream, "");
}

static void says_what_it_cannot_do(void) {
    char *words[] = {"/nowhere", "nkdns0", "02:00:00:00:00:01", "02:00:00:00:00:02", "127.0.0.11", NULL};
    int ends[2];
    char text[256] = "";
    int status;
    pid_t pid;

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    CHECK((pid = fork()) >= 0);
    if (pid == 0) {
        dup2(ends[1], 2);
        status = relay_resolver_command(5, words);
        words[2] = "02:00:00:00:00:01:03";
        status += relay_resolver_command(5, words);
        words[2] = words[3];
        words[4] = "::1";
        _exit(status + relay_resolver_command(5, words));
    }
    close(ends[1]);
    CHECK(nk_read_full(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    CHECK_TEXT(text, "nk-shadow relay-resolver: /nowhere: No such file");
    CHECK_TEXT(text, "expected a MAC, found 02:00:00:00:00:01:03");
    CHECK_TEXT(text, "expected an IPv4 address, found ::1");
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void ends_when_nobody_reads(void) {
    int status;

    close(relay_until);
    CHECK(waitpid(relay_pid, &status, 0) == relay_pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    open_all();
    RUN(what_is_too_old_ends);
    CHECK(recv(server_udp, (char[8]){0}, 8, 0) == 1);
    close(accept4(server_tcp, NULL, NULL, 0));
    start();
    RUN(answers_by_udp_go_to_who_asked);
    RUN(a_large_datagram_passes);
    RUN(others_do_not_answer);
    RUN(the_oldest_query_gives_way);
    RUN(a_half_of_a_connection_ends_alone);
    RUN(what_is_not_read_waits);
    RUN(one_side_that_is_lost_ends_the_other);
    RUN(more_connections_wait_for_a_place);
    RUN(a_server_that_is_not_there_costs_its_clients_alone);
    RUN(ends_when_nobody_reads);
    RUN(says_what_it_cannot_do);
    return 0;
}
