#include "dispatch.h"

#include "operations.h"

#include "base/agent.h"
#include "base/log.h"
#include "common/io.h"
#include "containers/container.h"
#include "relay/relay.h"
#include "runtimes/runtime.h"
#include "streams/stream.h"
#include "wire/channel.h"
#include "wire/mark.h"
#include "wire/request.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

static bool configured;
static json_int_t last_seq;
static uint64_t start_us;

__attribute__((constructor)) static void remember_start(void) {
    start_us = nk_boottime_us();
}

void nk_dispatch_set_configured(void) {
    configured = true;
}

static const char *dispatch_control(const struct nk_frame *frame) {
    struct nk_request *request;
    const struct nk_operation *op;
    struct nk_error e;

    if (nk_request_parse((const char *)frame->payload, frame->length, &request) < 0)
        return "a request without a usable seq";
    last_seq = request->seq;
    request->connection = nk_requests_connection();
    op = nk_request_check(request, nk_operations, configured, &e);
    if (op)
        op->run(request);
    else
        nk_answer_error(request, &e);
    return NULL;
}

const char *nk_dispatch_frame(const struct nk_frame *frame) {
    return frame->type == NK_CONTROL ? dispatch_control(frame) : nk_streams_frame(frame);
}

static json_t *hello(void) {
    struct utsname system;
    struct timespec now;
    char realtime_ns[32];

    uname(&system);
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(realtime_ns, sizeof realtime_ns, "%lld", (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
    /* The host looks for the first three members, in this order. */
    return json_pack("{s:s, s:s*, s:I, s:i, s:s, s:s, s:I, s:I, s:s, s:o, s:I}", "event", "hello", "mark",
                     nk_mark_of_agent(), "connection", (json_int_t)nk_requests_connection(), "protocol",
                     NK_PROTOCOL, "agent", NK_AGENT_VERSION, "kernel", system.release, "uptimeUs",
                     (json_int_t)start_us, "helloUs", (json_int_t)nk_boottime_us(), "realtimeNs", realtime_ns,
                     "features", nk_runtime_features(), "lastSeq", last_seq);
}

void nk_dispatch_connected(unsigned number) {
    nk_requests_begin_connection(number > 0 ? number : nk_requests_connection() + 1);
    nk_channel_send_json(hello());
    nk_log_connected();
    if (number > 0)
        return;
    /* To a host that knows nothing of what there was. */
    nk_streams_abandon();
    nk_containers_report();
}

void nk_dispatch_disconnected(void) {
    nk_streams_pause();
    nk_relay_disconnected();
    nk_containers_unreport();
}

void nk_op_reconnect(struct nk_request *request) {
    nk_answer(request,
              json_pack("{s:o}", "streams", nk_streams_rejoin(json_object_get(request->body, "streams"))));
    nk_containers_report();
}
