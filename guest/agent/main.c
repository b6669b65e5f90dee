/* nk-agent: PID 1 of the VM. Runs containers for the host, as protocol/agent-protocol.md says. */
#include "base/agent.h"
#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/rundir.h"
#include "common/io.h"
#include "machine/init.h"
#include "machine/modules.h"
#include "rooms.h"
#include "wire/channel.h"
#include "wire/transport.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static bool quit;
static bool rest_done;
static int quit_status;
static int inherited_fd = -1;

static void stop_loop(int status) {
    quit = true;
    quit_status = status;
}

/* PID 1 restarts the machine: its end would be a panic of the kernel. */
static void die(const char *reason) {
    nk_channel_flush();
    /* Before the console is open this is where the kernel shows it. */
    fprintf(stderr, "nk-agent: %s\n", reason);
    if (!nk_settings.owns_machine)
        exit(1);
    sync();
    reboot(RB_AUTOBOOT);
    _exit(1);
}

static const char usage[] = "usage: nk-agent --fd N [--runtime PATH] [--run DIR] [--cgroup-root DIR]\n"
                            "       as PID 1: without arguments; the kernel's command line may have "
                            "nk.transport=vsock, nk.poweroff=reboot\n";

static void parse_arguments(int argc, char **argv) {
    static const struct option options[] = {
        {"fd", required_argument, NULL, 'f'},  {"runtime", required_argument, NULL, 'r'},
        {"run", required_argument, NULL, 'd'}, {"cgroup-root", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'v'},   {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'f') {
            inherited_fd = atoi(optarg);
        } else if (option == 'r') {
            nk_settings.runtime_path = optarg;
        } else if (option == 'd') {
            nk_settings.run_dir = optarg;
        } else if (option == 'c') {
            nk_settings.cgroup_root = optarg;
        } else if (option == 'v') {
            puts("nk-agent " NK_AGENT_VERSION);
            exit(0);
        } else {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (inherited_fd < 0) {
        fputs(usage, stderr);
        exit(2);
    }
}

static void start_machine(void) {
    struct nk_error e;

    nk_settings.owns_machine = true;
    if (nk_init_machine(&e) < 0)
        nk_agent_die("%s", e.text);
    nk_settings.reboot_to_power_off = nk_init_has_option("nk.poweroff=reboot");
}

/* SCHED_BATCH: a process that wakes us is not interrupted. It goes on to fill its pipe, and an emulated CPU,
 * for which a switch is dear, switches less often: a tenth less time for a stream of output. What we start is
 * as usual. */
static void yield_to_containers(void) {
    const struct sched_param none = {.sched_priority = 0};

    if (nk_settings.owns_machine && sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none) < 0)
        nk_log(NK_WARN, "scheduling class: %s", strerror(errno));
}

static void start_transport(void) {
    enum nk_transport_kind kind = NK_TRANSPORT_FD;

    if (nk_settings.owns_machine)
        kind = nk_init_has_option("nk.transport=vsock") ? NK_TRANSPORT_VSOCK : NK_TRANSPORT_PORT;
    if (nk_transport_start(kind, inherited_fd) < 0)
        nk_agent_die("the connection to the host: %s", strerror(errno));
}

int main(int argc, char **argv) {
    struct nk_error e;

    if (argc > 0 && nk_modules_is_helper(argv[0]))
        return nk_modules_help(argv + 1);
    nk_on_quit = stop_loop;
    nk_on_death = die;
    nk_rooms_connect();
    /* Not from /dev/urandom: at this time the kernel would complain, and the host is the only one to send
     * keys. */
    json_object_seed((size_t)nk_boottime_us() | 1);
    if (getpid() == 1)
        start_machine();
    else
        parse_arguments(argc, argv);
    if (nk_loop_init() < 0 || nk_children_init() < 0)
        nk_agent_die("event loop: %s", strerror(errno));
    if (nk_rundir_make(&e) < 0)
        nk_agent_die("%s", e.text);
    yield_to_containers();
    start_transport();
    while (!quit) {
        nk_channel_flush();
        if (nk_settings.owns_machine && nk_channel_is_open() && !rest_done) {
            nk_init_rest();
            rest_done = true;
        }
        if (nk_loop_once() < 0)
            nk_agent_die("event loop: %s", strerror(errno));
    }
    nk_channel_flush();
    return quit_status;
}
