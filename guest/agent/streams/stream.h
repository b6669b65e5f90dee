/* Standard streams of the guest's processes, with credit in both directions. */
#ifndef NK_STREAM_H
#define NK_STREAM_H

#include "base/error.h"
#include "base/loop.h"
#include "common/credit.h"
#include "common/frame.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nk_process;

enum nk_stream_way { NK_TO_PROCESS, NK_FROM_PROCESS };

/* What a stream is attached to, if that is a socket: bytes both ways, or one message in each DATA frame. */
enum nk_stream_socket { NK_NO_SOCKET, NK_CONNECTION, NK_DATAGRAMS };

struct nk_stream {
    struct nk_source source;
    struct nk_stream *next;
    struct nk_process *process; /* NULL: it is that of a socket of the host */
    uint32_t id;
    uint64_t bytes; /* that have come, or gone */
    bool lost;      /* bytes of it, in a break: it has ended for that */
    bool kept;      /* the host has it as well, after a break */
    enum nk_stream_way way;
    bool terminal;
    enum nk_stream_socket socket; /* set before it is attached */
    bool attached;                /* the process is there: bytes may flow */
    bool watched;  /* in the loop: a descriptor that hung up may not stay there while nothing is done about it
                    */
    bool finished; /* EOF or CLOSE was sent, or all was said; frames are dropped */

    /* From the process. */
    uint32_t credit;
    bool discard;      /* nobody wants the bytes, and the process must not notice: no frames are sent */
    bool draining;     /* the process is gone: what is in the pipe now is the rest */
    size_t drain_left; /* bytes of that rest */
    bool outlives;     /* its process's children may hold it: it goes on when the rest has been sent */
    bool drained;      /* that rest has been sent, and somebody still holds it */

    /* To the process. */
    struct nk_window window;
    uint8_t *buf; /* bytes [start, end) wait to be written */
    size_t start;
    size_t end;
    bool eof;
    uint8_t last; /* the last byte written */
};

/* One of the process's output streams has ended, or what the process itself has written to it. May free the
 * process. Set by main. */
extern void (*nk_on_output_ended)(struct nk_process *process);

/* Makes a stream known, so that its frames are taken; NULL: in use, or too many. */
struct nk_stream *nk_stream_new(uint32_t id, enum nk_stream_way way, struct nk_process *process,
                                struct nk_error *e);
void nk_stream_free(struct nk_stream *stream);

/* NULL: there is none of that id. */
struct nk_stream *nk_stream_find(uint32_t id);

/* Bytes flow from now on. Owns fd. */
void nk_stream_attach(struct nk_stream *stream, int fd, bool terminal);

/* The process is gone: sends what is left and calls nk_on_output_ended. EOF follows what is left, or, with
 * `outlives`, the end of the last process that holds the stream; nk_on_output_ended is called again then. */
void nk_stream_drain(struct nk_stream *stream, bool outlives);

/* DATA, CREDIT, EOF or CLOSE from the host. NULL, or the protocol error. */
const char *nk_streams_frame(const struct nk_frame *frame);

/* The channel has room again. */
void nk_streams_resume(void);

/* The connection is gone: the processes live on, and their output waits. */
void nk_streams_pause(void);
bool nk_streams_are_paused(void);

/* Goes on where nothing was lost. Rows of the host, and the answer's: id, bytes, credit that the receiver
 * gives, in the answer whether it has ended. What has lost bytes gets no more of them; what the host does not
 * know any more is closed. */
json_t *nk_streams_rejoin(const json_t *rows);

/* Closes the output that is not `kept`; the rest flows again. */
void nk_streams_go_on(void);

/* The host knows nothing of them: their bytes go nowhere. */
void nk_streams_abandon(void);

/* stream-in.c: frames for a stream to the process. */
const char *nk_stream_in_frame(struct nk_stream *stream, const struct nk_frame *frame);
void nk_stream_in_ready(struct nk_stream *stream, uint32_t events);
void nk_stream_in_attached(struct nk_stream *stream);
void nk_stream_in_end(struct nk_stream *stream);
void nk_stream_in_finish(struct nk_stream *stream);

/* stream-out.c: the same for one from the process. */
const char *nk_stream_out_frame(struct nk_stream *stream, const struct nk_frame *frame);
void nk_stream_out_ready(struct nk_stream *stream);
void nk_stream_out_finish(struct nk_stream *stream);

/* Nobody reads it any more. May free the process. */
void nk_stream_out_close(struct nk_stream *stream);

/* What was left is sent: ends the stream, or lets it go on for those who still hold it. May free the process.
 */
void nk_stream_out_drained(struct nk_stream *stream);

/* Waits for output, or not, as credit and the channel allow. Never ends the stream. */
void nk_stream_out_update(struct nk_stream *stream);

/* Changes what the loop waits for; 0: leaves it, unless it is to be told of a reader that went away. */
void nk_stream_watch(struct nk_stream *stream, uint32_t events);

#endif
