#include "common/descriptors.h"
#include "confine/commands.h"
#include "daemon/commands.h"
#include "files/commands.h"
#include "network/commands.h"
#include "shadow/commands.h"
#include "sockets/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(void) {
    fputs(
        "usage: nk-shadow create|exec    with a plan on descriptor 3 and a report pipe as 4\n"
        "       nk-shadow detach SHADOW FOLDER\n"
        "       nk-shadow spawn [--keep FD]... [--parent PID] [--guard PID] [--files N] -- PROGRAM [ARG]...\n"
        "       nk-shadow serve --tree SHADOW ... -- PROGRAM [ARG]...\n"
        "       nk-shadow confine ... -- PROGRAM [ARG]...\n"
        "       nk-shadow jail FOLDER ROOT [--tap UID] [--bind SOURCE NAME ro|rw]... -- PROGRAM [ARG]...\n"
        "       nk-shadow unpersist PID\n"
        "       nk-shadow rights\n"
        "       nk-shadow fifo PATH...\n"
        "       nk-shadow keep BYTES    from standard input to descriptors 3 and 4\n"
        "       nk-shadow files ROOT    with records on standard input\n"
        "       nk-shadow remove FOLDER NAME\n"
        "       nk-shadow probe-mirror\n"
        "       nk-shadow watch-network NETNS\n"
        "       nk-shadow relay-resolver NETNS LINK MAC GUEST-MAC ADDRESS...\n"
        "       nk-shadow forward-ports NETNS SOCKET\n"
        "       nk-shadow deepen-backlog PID\n"
        "       nk-shadow socket-kinds PATH...\n"
        "       nk-shadow send-datagrams    to descriptor 0, what comes on 3\n",
        stderr);
    return 2;
}

static int with_plan(int (*command)(void)) {
    const int plan_and_report[] = {3, 4};

    if (fcntl(3, F_GETFD) < 0 || fcntl(4, F_GETFD) < 0)
        return usage();
    descriptors_close_except(3, plan_and_report, 2);
    signal(SIGPIPE, SIG_IGN);
    return command();
}

int main(int argc, char **argv) {
    if (descriptors_fill_standard() < 0)
        return 1;
    if (argc == 2 && strcmp(argv[1], "create") == 0)
        return with_plan(create_command);
    if (argc == 2 && strcmp(argv[1], "exec") == 0)
        return with_plan(exec_command);
    if (argc == 4 && strcmp(argv[1], "detach") == 0)
        return detach_command(argv[2], argv[3]);
    if (argc >= 2 && strcmp(argv[1], "spawn") == 0)
        return spawn_command(argc - 2, argv + 2);
    if (argc >= 2 && strcmp(argv[1], "serve") == 0)
        return serve_command(argc - 2, argv + 2);
    if (argc >= 2 && strcmp(argv[1], "confine") == 0)
        return confine_command(argc - 2, argv + 2);
    if (argc >= 2 && strcmp(argv[1], "jail") == 0)
        return jail_command(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "unpersist") == 0)
        return unpersist_command(argv[2]);
    if (argc == 2 && strcmp(argv[1], "rights") == 0)
        return rights_command();
    if (argc >= 3 && strcmp(argv[1], "fifo") == 0)
        return fifo_command(argc - 2, argv + 2);
    if (argc >= 3 && strcmp(argv[1], "xattrs") == 0)
        return xattrs_command(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "keep") == 0)
        return keep_command(argv[2]);
    if (argc == 3 && strcmp(argv[1], "files") == 0)
        return files_command(argv[2]);
    if (argc == 4 && strcmp(argv[1], "remove") == 0)
        return remove_command(argv[2], argv[3]);
    if (argc == 2 && strcmp(argv[1], "probe-mirror") == 0)
        return probe_mirror_command();
    if (argc == 3 && strcmp(argv[1], "watch-network") == 0)
        return watch_network_command(argv[2]);
    if (argc >= 7 && strcmp(argv[1], "relay-resolver") == 0)
        return relay_resolver_command(argc - 2, argv + 2);
    if (argc == 4 && strcmp(argv[1], "forward-ports") == 0)
        return forward_ports_command(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "deepen-backlog") == 0)
        return deepen_backlog_command(argv[2]);
    if (argc >= 3 && strcmp(argv[1], "socket-kinds") == 0)
        return socket_kinds_command(argc - 2, argv + 2);
    if (argc == 2 && strcmp(argv[1], "send-datagrams") == 0)
        return send_datagrams_command();
    return usage();
}
