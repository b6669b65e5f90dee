#include "process.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "console.h"
#include "container.h"
#include "wire/channel.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* As much as a stream may have on its way. Fewer slots than the channel's pipes have. */
#define PIPE_BYTES ((int)NK_CREDIT_START_BYTES)

/* How long the end of a process that was killed waits for a reader of its output. On a host it would have
 * been killed while it wrote, and what it had not written would not be missed. */
#define UNREAD_US 1000000

static int open_null(int *fd, struct nk_error *e) {
    *fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return *fd < 0 ? nk_fail_errno(e, "open /dev/null") : 0;
}

static json_int_t stream_id(const struct nk_request *request, const char *name) {
    return json_integer_value(json_object_get(json_object_get(request->body, "streams"), name));
}

/* Makes the stream known if the request names it. */
static int new_stream(struct nk_process *p, const struct nk_request *request, const char *name,
                      enum nk_stream_way way, struct nk_stream **out, struct nk_error *e) {
    json_int_t id = stream_id(request, name);

    if (id == 0)
        return 0;
    *out = nk_stream_new((uint32_t)id, way, p, e);
    return *out ? 0 : -1;
}

/* One end for the runtime, the other for the stream; /dev/null without a stream. */
static int plug(struct nk_stream *stream, int *runtime_end, struct nk_error *e) {
    int fds[2];
    int reader;

    if (!stream)
        return open_null(runtime_end, e);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return nk_fail_errno(e, "pipe");
    /* Fuller pipes mean fewer switches between the process and us; memory is taken only for what is in them.
     */
    fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    reader = stream->way == NK_TO_PROCESS;
    *runtime_end = fds[!reader];
    stream->source.fd = fds[reader];
    return 0;
}

static int open_pipes(struct nk_process *p, int stdio[3], struct nk_error *e) {
    if (plug(p->in, &stdio[0], e) < 0 || plug(p->out, &stdio[1], e) < 0)
        return -1;
    return plug(p->err, &stdio[2], e);
}

static int open_terminal(struct nk_process *p, int stdio[3], struct nk_error *e) {
    for (int i = 0; i < 3; i++) {
        if (open_null(&stdio[i], e) < 0)
            return -1;
    }
    return nk_console_listen(p, e);
}

int nk_process_open(struct nk_process *p, const struct nk_request *request, int stdio[3],
                    struct nk_error *e) {
    int ret;

    stdio[0] = stdio[1] = stdio[2] = -1;
    p->pty = p->console_listener = -1;
    p->terminal = nk_request_bool(request, "terminal");
    p->rows = (unsigned short)nk_request_int(request, "rows", 0);
    p->cols = (unsigned short)nk_request_int(request, "cols", 0);
    ret = new_stream(p, request, "stdin", NK_TO_PROCESS, &p->in, e);
    if (ret == 0)
        ret = new_stream(p, request, "stdout", NK_FROM_PROCESS, &p->out, e);
    if (ret == 0)
        ret = new_stream(p, request, "stderr", NK_FROM_PROCESS, &p->err, e);
    if (ret == 0)
        ret = p->terminal ? open_terminal(p, stdio, e) : open_pipes(p, stdio, e);
    if (ret < 0) {
        nk_process_close_stdio(stdio);
        nk_process_close(p);
    }
    return ret;
}

void nk_process_close_stdio(int stdio[3]) {
    for (int i = 0; i < 3; i++) {
        nk_cleanup_close(&stdio[i]);
        stdio[i] = -1;
    }
}

int nk_process_take_terminal(struct nk_process *p, struct nk_error *e) {
    struct nk_stream *streams[] = {p->in, p->out};

    if (!p->terminal)
        return 0;
    if (nk_console_accept(p, e) < 0)
        return -1;
    nk_process_resize(p, p->rows, p->cols);
    for (int i = 0; i < 2; i++) {
        if (!streams[i])
            continue;
        streams[i]->source.fd = fcntl(p->pty, F_DUPFD_CLOEXEC, 3);
        if (streams[i]->source.fd < 0)
            return nk_fail_errno(e, "dup of the terminal");
    }
    return 0;
}

/* The container's own process takes all others with it. */
static bool is_session(const struct nk_process *p) {
    return p->session[0] != '\0';
}

static void on_exit_status(struct nk_child *child, int status) {
    struct nk_process *p = (struct nk_process *)child;

    p->reaped = true;
    p->status = status;
    p->exit_us = nk_boottime_us();
    p->oom = nk_container_had_oom(p->container);
    /* A stream that ends here must not free the process under our feet. */
    p->held = true;
    if (p->out)
        nk_stream_drain(p->out, is_session(p));
    if (p->err)
        nk_stream_drain(p->err, is_session(p));
    p->held = false;
    if (p->killed)
        nk_process_expect_end(p);
    nk_process_report(p);
}

void nk_process_run(struct nk_process *p, pid_t pid) {
    struct nk_stream *streams[] = {p->in, p->out, p->err};

    p->pid = pid;
    for (int i = 0; i < 3; i++) {
        if (streams[i])
            nk_stream_attach(streams[i], streams[i]->source.fd, p->terminal);
    }
    p->child.exited = on_exit_status;
    nk_child_watch(&p->child, pid);
}

static void close_terminal(struct nk_process *p) {
    nk_console_close(p);
    nk_cleanup_close(&p->pty);
    p->pty = -1;
}

void nk_process_retire(struct nk_process *p) {
    nk_timer_stop(&p->end_timer);
    close_terminal(p);
    if (p->in)
        nk_stream_in_finish(p->in);
}

void nk_process_close(struct nk_process *p) {
    if (p->child.watched)
        nk_child_forget(&p->child);
    nk_timer_stop(&p->end_timer);
    close_terminal(p);
    nk_stream_free(p->in);
    nk_stream_free(p->out);
    nk_stream_free(p->err);
    p->in = p->out = p->err = NULL;
}

int nk_process_resize(struct nk_process *p, unsigned short rows, unsigned short cols) {
    struct winsize size = {.ws_row = rows, .ws_col = cols};

    if (rows == 0 && cols == 0)
        return 0;
    return ioctl(p->pty, TIOCSWINSZ, &size);
}

static bool is_open(const struct nk_stream *stream) {
    return stream && !stream->finished;
}

/* Of the process itself, not of those who hold its output. */
static bool has_output(const struct nk_process *p) {
    return (is_open(p->out) && !p->out->drained) || (is_open(p->err) && !p->err->drained);
}

bool nk_process_is_over(const struct nk_process *p) {
    return p->reported && !is_open(p->out) && !is_open(p->err);
}

static json_t *exit_event(const struct nk_process *p) {
    int signal = WIFSIGNALED(p->status) ? WTERMSIG(p->status) : 0;
    int code = WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 0;

    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:I}", "event", "exit", "id", p->container->id,
                     "session", p->session, "code", code, "signal", signal, "oom", p->oom, "timeUs",
                     (json_int_t)p->exit_us);
}

void nk_process_send_exit(struct nk_process *p) {
    if (!p->reaped || p->held || p->reported || has_output(p) || !nk_channel_is_open() ||
        nk_streams_are_paused())
        return;
    nk_channel_send_json(exit_event(p));
    p->reported = true;
}

void nk_process_report(struct nk_process *p) {
    nk_process_send_exit(p);
    nk_container_changed(p->container);
}

void nk_process_output_ended(struct nk_process *p) {
    if (p->reaped && !p->held)
        nk_process_report(p);
}

void nk_process_give_up(struct nk_process *p) {
    struct nk_stream *streams[] = {p->out, p->err};

    if (!p->reaped || p->reported)
        return;
    p->held = true;
    for (int i = 0; i < 2; i++) {
        if (streams[i] && !streams[i]->finished)
            nk_stream_out_finish(streams[i]);
    }
    p->held = false;
    nk_process_send_exit(p);
}

static size_t unsent_bytes(const struct nk_process *p) {
    return (is_open(p->out) ? p->out->drain_left : 0) + (is_open(p->err) ? p->err->drain_left : 0);
}

static void give_up_unless_read(struct nk_timer *timer) {
    struct nk_process *p = (struct nk_process *)((char *)timer - offsetof(struct nk_process, end_timer));
    size_t unsent = unsent_bytes(p);

    if (p->reported)
        return;
    if (unsent < p->unsent) {
        p->unsent = unsent;
        nk_timer_start(timer, UNREAD_US);
        return;
    }
    nk_process_give_up(p);
    nk_container_changed(p->container);
}

void nk_process_expect_end(struct nk_process *p) {
    p->killed = true;
    if (!p->reaped || p->reported || p->end_timer.armed)
        return;
    p->unsent = unsent_bytes(p);
    p->end_timer.fire = give_up_unless_read;
    nk_timer_start(&p->end_timer, UNREAD_US);
}
