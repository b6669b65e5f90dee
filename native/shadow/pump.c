#include "pump.h"

#include "common/signals.h"
#include "link.h"
#include "sink.h"
#include "source.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* As a process that was killed: the monitor, and with it the VM, is gone. */
#define STATUS_LOST (128 + SIGKILL)
#define STATUS_FAILED 255

enum { POLL_MONITOR, POLL_SIGNALS, POLL_LAUNCHER, POLL_STDIN, POLL_STDOUT, POLL_STDERR, POLL_COUNT };

struct pump {
    struct link link;
    int signals;
    int tty;
    const struct caller *caller;
    int launcher; /* its socket while it may hang up, else -1 */
    struct sink sinks[2];
    struct source input;
    bool ended;
    bool lost; /* the end was not told: nothing more is written */
    int status;
};

static void send_size(struct pump *pump) {
    uint8_t payload[TERMINAL_SIZE_BYTES];

    if (terminal_size(pump->tty, payload) == 0)
        link_send(&pump->link, NK_RESIZE, 0, payload, sizeof payload);
}

static void send_signal(struct pump *pump, uint32_t signal) {
    uint8_t payload[4];

    nk_put_u32(payload, signal);
    link_send(&pump->link, NK_SIGNAL, 0, payload, sizeof payload);
}

static void take_signal(struct pump *pump) {
    struct signalfd_siginfo info;

    if (read(pump->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGWINCH) {
        send_size(pump);
        return;
    }
    send_signal(pump, info.ssi_signo);
}

static uint32_t stream_of(const struct pump *pump, const struct sink *sink) {
    return NK_STDOUT_STREAM + (uint32_t)(sink - pump->sinks);
}

/* Nobody reads it any more. */
static void leave_output(struct pump *pump, struct sink *sink) {
    if (sink->state == SINK_OPEN)
        link_send(&pump->link, NK_CLOSE, stream_of(pump, sink), NULL, 0);
    sink_close(sink);
}

static void write_output(struct pump *pump, struct sink *sink, short events) {
    int written = sink->used > 0 ? sink_write(sink) : 0;
    uint8_t payload[4];
    uint32_t credit;

    /* An error without POLLOUT, or with nothing to write, is the only news of a reader that left. */
    if (written < 0 || (sink->used == 0 && written == 0 && (events & (POLLERR | POLLHUP | POLLNVAL)))) {
        leave_output(pump, sink);
        return;
    }
    if (written == 0)
        return;
    credit = nk_window_release(&sink->window, (uint32_t)written, sink->used == 0);
    if (credit == 0 || sink->state != SINK_OPEN)
        return;
    nk_put_u32(payload, credit);
    link_send(&pump->link, NK_CREDIT, stream_of(pump, sink), payload, sizeof payload);
}

/* Whoever gave the terminal is gone: as the kernel does it, with a signal and no more bytes. */
static void hang_up(struct pump *pump) {
    close(pump->launcher);
    pump->launcher = -1;
    terminal_restore_raw(pump->tty, &pump->caller->saved);
    send_signal(pump, SIGHUP);
    source_end(&pump->input, &pump->link);
    leave_output(pump, &pump->sinks[0]);
}

static struct sink *find_sink(struct pump *pump, uint32_t stream) {
    if (stream == NK_STDOUT_STREAM || stream == NK_STDERR_STREAM)
        return &pump->sinks[stream - NK_STDOUT_STREAM];
    return NULL;
}

static int status_of(uint32_t wait_status) {
    uint32_t signal = wait_status & 0x7f;

    return (int)(signal ? 128 + signal : (wait_status >> 8) & 0xff);
}

static void end_with(struct pump *pump, int status) {
    pump->ended = true;
    pump->status = status;
}

static void end_lost(struct pump *pump) {
    pump->lost = true;
    end_with(pump, STATUS_LOST);
}

/* <0: the monitor broke the protocol. Frames for streams that we do not have are dropped. */
static int take_frame(struct pump *pump, const struct nk_frame *frame) {
    struct sink *sink = find_sink(pump, frame->stream);

    switch (frame->type) {
    case NK_DATA:
        return sink ? sink_put(sink, frame->payload, frame->length) : 0;
    case NK_EOF:
        if (sink)
            sink_end(sink);
        return 0;
    case NK_CREDIT:
        return frame->stream == NK_STDIN_STREAM
                   ? nk_credit_add(&pump->input.credit, nk_get_u32(frame->payload))
                   : 0;
    case NK_CLOSE:
        if (frame->stream == NK_STDIN_STREAM)
            source_close(&pump->input);
        return 0;
    case NK_EXIT:
        end_with(pump, status_of(nk_get_u32(frame->payload)));
        return 0;
    case NK_FAILED:
        end_with(pump, STATUS_FAILED);
        return 0;
    default:
        return 0;
    }
}

static void take_frames(struct pump *pump) {
    struct nk_frame frame;
    int more;

    if (link_receive(&pump->link) < 0)
        end_lost(pump);
    while (!pump->ended && (more = nk_decoder_next(&pump->link.in, &frame)) != 0) {
        if (more < 0 || take_frame(pump, &frame) < 0)
            end_lost(pump);
    }
}

static struct pollfd watch_sink(const struct sink *sink) {
    if (sink->state == SINK_CLOSED)
        return (struct pollfd){.fd = -1};
    return (struct pollfd){.fd = sink->fd, .events = sink->used > 0 ? POLLOUT : 0};
}

static void watch(const struct pump *pump, struct pollfd *fds) {
    bool room = link_room(&pump->link) >= LINK_RESERVE_BYTES;

    fds[POLL_MONITOR] = (struct pollfd){.fd = pump->link.fd};
    fds[POLL_MONITOR].events = (short)((room ? POLLIN : 0) | (link_has_output(&pump->link) ? POLLOUT : 0));
    fds[POLL_SIGNALS] = (struct pollfd){.fd = room ? pump->signals : -1, .events = POLLIN};
    fds[POLL_LAUNCHER] = (struct pollfd){.fd = room ? pump->launcher : -1, .events = POLLIN};
    fds[POLL_STDIN] = (struct pollfd){.fd = source_is_wanted(&pump->input, &pump->link) ? STDIN_FILENO : -1,
                                      .events = POLLIN};
    fds[POLL_STDOUT] = watch_sink(&pump->sinks[0]);
    fds[POLL_STDERR] = watch_sink(&pump->sinks[1]);
}

/* What the container wrote before its end is written out: at once where the kernel can keep it for the
 * reader, as it would what a process on the host has written; else however slow the reader is. */
static void drain(struct pump *pump) {
    struct pollfd fds[2];

    sink_make_room(&pump->sinks[0]);
    sink_make_room(&pump->sinks[1]);
    while (pump->sinks[0].used > 0 || pump->sinks[1].used > 0) {
        for (int i = 0; i < 2; i++) {
            fds[i] = watch_sink(&pump->sinks[i]);
            if (pump->sinks[i].used == 0)
                fds[i].fd = -1;
        }
        if (poll(fds, 2, -1) < 0)
            continue;
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents && sink_write(&pump->sinks[i]) < 0)
                sink_close(&pump->sinks[i]);
        }
    }
}

static void turn(struct pump *pump) {
    struct pollfd fds[POLL_COUNT];

    watch(pump, fds);
    if (poll(fds, POLL_COUNT, -1) < 0)
        return;
    if (fds[POLL_SIGNALS].revents)
        take_signal(pump);
    if (fds[POLL_LAUNCHER].revents)
        hang_up(pump);
    if (fds[POLL_STDIN].revents && pump->input.open)
        source_take(&pump->input, &pump->link);
    if (fds[POLL_STDOUT].revents && pump->sinks[0].state != SINK_CLOSED)
        write_output(pump, &pump->sinks[0], fds[POLL_STDOUT].revents);
    if (fds[POLL_STDERR].revents)
        write_output(pump, &pump->sinks[1], fds[POLL_STDERR].revents);
    link_flush(&pump->link);
    if (fds[POLL_MONITOR].revents & (POLLIN | POLLHUP | POLLERR))
        take_frames(pump);
}

static bool is_held(const struct pump *pump) {
    return pump->sinks[0].state == SINK_OPEN || pump->sinks[1].state == SINK_OPEN;
}

/* In the copy that stays: until the last holder in the guest has closed the output, or nobody reads it. */
static void write_for_children(struct pump *pump) {
    close(pump->signals);
    pump->signals = -1;
    signals_reset();
    signal(SIGPIPE, SIG_IGN);
    source_end(&pump->input, &pump->link);
    pump->ended = false;
    while (!pump->ended && is_held(pump))
        turn(pump);
    drain(pump);
}

/* The process has ended, and whoever waits for it is not to wait for its children. */
static void leave_children(struct pump *pump) {
    if (!is_held(pump) || fork() != 0)
        return;
    write_for_children(pump);
    _exit(0);
}

static int start(struct pump *pump, const struct pump_ends *ends) {
    /* A copy: the standard streams are closed as they end. */
    pump->tty = ends->tty < 0 ? -1 : fcntl(ends->tty, F_DUPFD_CLOEXEC, ends->monitor + 1);
    pump->caller = ends->caller;
    pump->launcher = ends->caller->launcher;
    source_init(&pump->input);
    pump->signals = signals_open();
    if (pump->signals < 0 || link_init(&pump->link, ends->monitor) < 0 ||
        sink_init(&pump->sinks[0], STDOUT_FILENO) < 0 || sink_init(&pump->sinks[1], STDERR_FILENO) < 0)
        return -1;
    /* A terminal has no stream of its own for errors. */
    if (ends->tty >= 0)
        sink_close(&pump->sinks[1]);
    send_size(pump);
    return 0;
}

int pump_run(const struct pump_ends *ends) {
    struct pump pump = {.status = STATUS_LOST};

    if (start(&pump, ends) == 0) {
        while (!pump.ended)
            turn(&pump);
        if (!pump.lost)
            drain(&pump);
        if (!pump.lost && ends->leaves_children)
            leave_children(&pump);
    }
    link_free(&pump.link);
    sink_free(&pump.sinks[0]);
    sink_free(&pump.sinks[1]);
    return pump.status;
}
