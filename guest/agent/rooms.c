#include "rooms.h"

#include "base/child.h"
#include "base/log.h"
#include "containers/container.h"
#include "containers/process.h"
#include "ops/dispatch.h"
#include "ops/operations.h"
#include "streams/stream.h"
#include "wire/channel.h"
#include "wire/wire.h"

static bool send_event(json_t *event) {
    if (!nk_channel_is_open())
        return false;
    nk_channel_send_json(event);
    return true;
}

void nk_rooms_connect(void) {
    nk_log_send = send_event;
    nk_on_terminate = nk_shutdown_begin;
    nk_on_output_ended = nk_process_output_ended;
    nk_wire_user = (struct nk_wire_user){
        .frame = nk_dispatch_frame,
        .has_room = nk_streams_resume,
        .connected = nk_dispatch_connected,
        .disconnected = nk_dispatch_disconnected,
        .ended = nk_shutdown_begin,
    };
    nk_containers_user = (struct nk_containers_user){
        .may_delete = nk_delete_now,
        .changed = nk_shutdown_continue,
    };
}
