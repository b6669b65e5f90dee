/* A process that the host asked for: a container's own, or that of an exec session. */
#ifndef NK_PROCESS_H
#define NK_PROCESS_H

#include "base/child.h"
#include "base/error.h"
#include "streams/stream.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nk_container;

struct nk_process {
    struct nk_child child; /* first: its callback casts back */
    struct nk_process *next;
    struct nk_container *container;
    char session[65]; /* "": the container's own */
    pid_t pid;        /* 0: not started */
    bool held;        /* its exit is not to be reported yet: an answer must go first */
    bool reaped;
    bool reported;
    bool killed;               /* SIGKILL was asked for */
    struct nk_timer end_timer; /* then: how long its end waits for output that nobody reads */
    size_t unsent;             /* of that output, when the timer was started */
    bool oom;
    int status;
    uint64_t exit_us;

    bool terminal;
    unsigned short rows;
    unsigned short cols;
    int pty; /* the terminal's master, for its size; -1: none */
    int console_listener;
    char console_path[108];

    struct nk_stream *in;
    struct nk_stream *out;
    struct nk_stream *err;
};

/* Makes streams, pipes or console socket of a create or exec request, and the runtime's stdio (to be closed
 * by the caller with nk_process_close_stdio). On failure all is undone. */
int nk_process_open(struct nk_process *p, const struct nk_request *request, int stdio[3], struct nk_error *e);
void nk_process_close_stdio(int stdio[3]);

/* The runtime has made the process: takes its terminal. */
int nk_process_take_terminal(struct nk_process *p, struct nk_error *e);

/* Bytes flow, and its end will be noticed. */
void nk_process_run(struct nk_process *p, pid_t pid);

/* Ends streams and descriptors; the struct stays. */
void nk_process_close(struct nk_process *p);

/* It is over: keeps what the host may have to be told of it, and nothing that others could hold on to. */
void nk_process_retire(struct nk_process *p);

int nk_process_resize(struct nk_process *p, unsigned short rows, unsigned short cols);

/* Sends the exit event if it is due. */
void nk_process_send_exit(struct nk_process *p);

/* The same, and tells the container, which may free the process. */
void nk_process_report(struct nk_process *p);

/* Ends its output where it is and reports it: nobody waits for more. */
void nk_process_give_up(struct nk_process *p);

/* It was or is being killed: its end waits no longer for its output than somebody reads it. */
void nk_process_expect_end(struct nk_process *p);

/* It has ended, and nobody holds its output any more. */
bool nk_process_is_over(const struct nk_process *p);

/* One of its output streams has ended, or what the process itself has written to it. */
void nk_process_output_ended(struct nk_process *p);

#endif
