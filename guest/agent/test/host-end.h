/* The test as the host: its end of the agent's connection. */
#ifndef NK_HOST_END_H
#define NK_HOST_END_H

#include "base/child.h"
#include "base/loop.h"
#include "common/frame.h"
#include "test.h"
#include "wire/channel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static int host;
static struct nk_decoder from_agent;

static inline void host_open(void) {
    int pair[2];

    signal(SIGPIPE, SIG_IGN);
    CHECK(nk_loop_init() == 0 && nk_children_init() == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0,
          "setup");
    host = pair[0];
    CHECK(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0 && nk_channel_open(pair[1], false) == 0, "channel");
    nk_decoder_init(&from_agent, NK_FROM_GUEST);
}

/* Of a timer whose time alone counts. */
static inline void host_ignore(struct nk_timer *timer) {
    (void)timer;
}

/* Lets the agent's loop turn for so long. */
static inline void host_wait(uint64_t us) {
    static struct nk_timer idle = {.fire = host_ignore};

    nk_timer_start(&idle, us);
    while (idle.armed) {
        nk_channel_flush();
        CHECK(nk_loop_once() == 0, "loop");
    }
}

static inline void host_send(uint8_t type, uint32_t stream, const void *payload, uint32_t n) {
    uint8_t header[NK_FRAME_HEADER_BYTES];

    nk_frame_encode_header(header, type, stream, n);
    CHECK(write(host, header, sizeof header) == sizeof header, "header");
    CHECK(write(host, payload, n) == n, "payload");
}

/* Puts what has come into the decoder, in one piece. False: nothing has. */
static inline bool host_receive(void) {
    size_t room;
    uint8_t *space = nk_decoder_space(&from_agent, &room);
    const ssize_t n = recv(host, space, room, MSG_DONTWAIT);

    if (n > 0)
        nk_decoder_commit(&from_agent, (size_t)n);
    return n > 0;
}

#endif
