/* shutdown: kill, unmount, sync, answer, and then perhaps the power. */
#include "base/agent.h"
#include "base/log.h"
#include "base/loop.h"
#include "containers/container.h"
#include "mounts.h"
#include "operations.h"
#include "relay/relay.h"
#include "wire/channel.h"

#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

/* Processes stuck in the kernel do not keep the VM from ending. */
#define KILL_DEADLINE_US 5000000

static struct {
    bool under_way;
    bool power_off;
    struct nk_request *request;
    struct nk_timer deadline;
} state;

static void power_off(void) {
    if (!nk_settings.owns_machine) {
        nk_agent_quit(0);
        return;
    }
    nk_channel_settle();
    reboot(nk_settings.reboot_to_power_off ? RB_AUTOBOOT : RB_POWER_OFF);
    nk_agent_die("power off: %m");
}

static void finish(struct nk_timer *timer) {
    struct nk_request *request = state.request;

    (void)timer;
    nk_timer_stop(&state.deadline);
    state.under_way = false;
    state.request = NULL;
    nk_relay_forget_all();
    nk_mounts_undo();
    sync();
    if (request)
        nk_answer(request, NULL);
    nk_channel_flush();
    if (state.power_off)
        power_off();
}

void nk_shutdown_continue(void) {
    if (state.under_way && nk_containers_are_quiet())
        finish(NULL);
}

static void begin(struct nk_request *request, bool off) {
    state.under_way = true;
    state.power_off = off;
    state.request = request;
    state.deadline.fire = finish;
    nk_timer_start(&state.deadline, KILL_DEADLINE_US);
    nk_containers_kill();
    nk_sync_stop();
    nk_shutdown_continue();
}

void nk_op_shutdown(struct nk_request *request) {
    const char *mode = nk_request_text(request, "mode");
    struct nk_error e;

    if (state.under_way) {
        nk_fail(&e, NK_BAD_STATE, "a shutdown is under way");
        nk_answer_error(request, &e);
        return;
    }
    begin(request, mode && strcmp(mode, "poweroff") == 0);
}

void nk_shutdown_begin(void) {
    if (!state.under_way)
        begin(NULL, true);
    else
        state.power_off = true;
}
