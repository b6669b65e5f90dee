/* What nk-shadow asks the kernel of networks, in network namespaces of this process. */
#include "check.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "network/commands.h"
#include "network/netlink.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WAIT_MS 20000

struct child {
    pid_t pid;
    int output;
};

static struct child start(int (*command)(const char *), const char *argument, int stream) {
    int ends[2];
    struct child child;

    CHECK(pipe(ends) == 0);
    fflush(stdout);
    CHECK((child.pid = fork()) >= 0);
    if (child.pid == 0) {
        dup2(ends[1], stream);
        close(ends[0]);
        close(ends[1]);
        const int status = command(argument);
        fflush(stdout);
        _exit(status);
    }
    close(ends[1]);
    child.output = ends[0];
    return child;
}

static void says(const struct child *child, const char *expected) {
    struct pollfd output = {.fd = child->output, .events = POLLIN};
    char text[256] = "";

    CHECK(poll(&output, 1, WAIT_MS) == 1);
    CHECK(read(child->output, text, sizeof text - 1) > 0);
    CHECK_TEXT(text, expected);
}

static int end_of(struct child *child) {
    int status;

    close(child->output);
    CHECK(waitpid(child->pid, &status, 0) == child->pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int probe(const char *nothing) {
    (void)nothing;
    return probe_mirror_command();
}

static void says_whether_frames_come_out(void) {
    struct child child = start(probe, NULL, 1);
    char text[256] = "";

    CHECK(nk_read_full(child.output, text, sizeof text - 1) > 0);
    CHECK(strcmp(text, "works\n") == 0 || strcmp(text, "drops\n") == 0 || strncmp(text, "refuses: ", 9) == 0);
    CHECK(end_of(&child) == (strcmp(text, "works\n") == 0 ? 0 : 1));
}

static void add_tap(void) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    cleanup_close int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    CHECK(tap >= 0 && ioctl(tap, TUNSETIFF, &request) == 0);
}

static void tells_changes_until_nobody_listens(void) {
    struct child child;
    char path[64];

    CHECK(unshare(CLONE_NEWNET) == 0);
    snprintf(path, sizeof path, "/proc/%d/ns/net", getpid());
    child = start(watch_network_command, path, 1);
    says(&child, "ready\n");
    add_tap();
    says(&child, "changed\n");
    CHECK(end_of(&child) == 0);
}

static void says_what_is_no_namespace(void) {
    struct child child = start(watch_network_command, "/dev/null", 2);

    says(&child, "nk-shadow watch-network: /dev/null: Invalid argument");
    CHECK(end_of(&child) == 1);
    child = start(watch_network_command, "/nowhere", 2);
    says(&child, "/nowhere: No such file");
    CHECK(end_of(&child) == 1);
}

static void says_what_the_kernel_refuses(void) {
    const struct ifinfomsg nothing = {.ifi_index = 12345};
    cleanup_close int fd = netlink_open(0);
    struct netlink_request request;

    CHECK(fd >= 0);
    netlink_begin(&request, RTM_DELLINK, 0, &nothing, sizeof nothing);
    CHECK(netlink_ask(fd, &request) < 0 && errno == ENODEV);
}

/* As QEMU's network does it. */
static int listen_at_any_port(void) {
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) == 0 && listen(fd, 1) == 0);
    return fd;
}

static unsigned backlog_of(int listener) {
    struct tcp_info info;
    socklen_t size = sizeof info;

    CHECK(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    return info.tcpi_sacked;
}

static void lets_more_clients_wait(void) {
    cleanup_close int one = listen_at_any_port(), two = listen_at_any_port();
    char pid[16];
    struct child child;

    CHECK(backlog_of(one) == 1);
    snprintf(pid, sizeof pid, "%d", getpid());
    child = start(deepen_backlog_command, pid, 2);
    CHECK(end_of(&child) == 0);
    CHECK(backlog_of(one) > 1 && backlog_of(two) == backlog_of(one));
}

static void says_that_nobody_listens(void) {
    char pid[16], expected[96];
    struct child child;

    snprintf(pid, sizeof pid, "%d", getpid());
    snprintf(expected, sizeof expected, "expected process %s to listen at a TCP port, found none", pid);
    child = start(deepen_backlog_command, pid, 2);
    says(&child, expected);
    CHECK(end_of(&child) == 1);
}

int main(void) {
    RUN(lets_more_clients_wait);
    RUN(says_that_nobody_listens);
    RUN(says_whether_frames_come_out);
    RUN(tells_changes_until_nobody_listens);
    RUN(says_what_is_no_namespace);
    RUN(says_what_the_kernel_refuses);
    return 0;
}
