/* The terminal side for tests from outside, which node cannot play.
 *   pty run PROGRAM [ARG]...   runs a program at a terminal of 24 x 80; says on standard error whether its
 *                              modes are as before at the end; exits with the program's status
 *   pty console SOCKET         receives a terminal as a console socket does, and says so on standard error
 * Both connect the terminal to standard input and output. SIGUSR1 makes it 50 x 120, SIGUSR2 closes it. */
#include "check.h"
#include "common/io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* How long whoever survives a program that was killed may take to restore its terminal. */
#define RESTORE_MS 10000

/* Bytes on their way; each end may be slow without the other way's being so. */
struct flow {
    int from, to; /* -1: it has ended */
    size_t start, end;
    char bytes[65536];
};

static void resize(int master, unsigned short rows, unsigned short cols) {
    struct winsize size = {.ws_row = rows, .ws_col = cols};

    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
}

static int same_modes(const struct termios *a, const struct termios *b) {
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

static int would_block(ssize_t moved) {
    return moved < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False at the end of either side. */
static int move(struct flow *flow) {
    ssize_t moved;

    if (flow->start == flow->end) {
        moved = read(flow->from, flow->bytes, sizeof flow->bytes);
        flow->start = 0;
        flow->end = moved > 0 ? (size_t)moved : 0;
    } else {
        moved = write(flow->to, flow->bytes + flow->start, flow->end - flow->start);
        flow->start += moved > 0 ? (size_t)moved : 0;
    }
    return moved > 0 || would_block(moved);
}

static struct pollfd watch(const struct flow *flow) {
    int full = flow->start < flow->end;

    return (struct pollfd){full ? flow->to : flow->from, full ? POLLOUT : POLLIN, 0};
}

/* What there is now, to a reader that may be slow. */
static void finish(struct flow *flow) {
    struct pollfd fd;

    do {
        fd = watch(flow);
        if (poll(&fd, 1, fd.events == POLLOUT ? -1 : 0) == 0)
            return;
    } while (move(flow));
}

static int watch_signals(void) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Until the child or the terminal's other side has ended, or the terminal is to be closed. */
static void serve(int master, int signals) {
    static struct flow in, out;
    struct signalfd_siginfo info = {0};

    in.from = 0, in.to = out.from = master, out.to = 1;
    for (int fd = 0; fd <= 1; fd++)
        nk_set_nonblock(fd, 1);
    nk_set_nonblock(master, 1);
    while (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGUSR2) {
        struct pollfd fds[] = {watch(&in), watch(&out), {signals, POLLIN, 0}};

        CHECK(poll(fds, 3, -1) > 0);
        if (fds[0].revents && !move(&in))
            in.from = in.to = -1;
        if (fds[1].revents && !move(&out))
            return;
        if (!fds[2].revents)
            continue;
        CHECK(read(signals, &info, sizeof info) == sizeof info);
        if (info.ssi_signo == SIGUSR1)
            resize(master, 50, 120);
    }
    if (info.ssi_signo == SIGUSR2)
        close(master);
    else
        finish(&out);
}

/* Of this there is no event. */
static const char *modes_of(int slave, const struct termios *before) {
    const struct timespec moment = {.tv_nsec = 10000000};
    struct termios after;

    for (int ms = 0; ms < RESTORE_MS; ms += 10) {
        if (tcgetattr(slave, &after) < 0)
            return "gone";
        if (same_modes(before, &after))
            return "restored";
        nanosleep(&moment, NULL);
    }
    return "changed";
}

static int run(char **command) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int signals = watch_signals();
    struct termios before;
    int slave, status;
    pid_t pid;

    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(slave >= 0 && tcgetattr(slave, &before) == 0);
    resize(master, 24, 80);
    pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        CHECK(ioctl(slave, TIOCSCTTY, 0) == 0);
        dup2(slave, 0), dup2(slave, 1), dup2(slave, 2);
        execvp(command[0], command);
        _exit(127);
    }
    close(3), close(4);
    serve(master, signals);
    CHECK(waitpid(pid, &status, 0) == pid);
    fprintf(stderr, "terminal %s\n", modes_of(slave, &before));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int console(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int connection, master;

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    fputs("listening\n", stderr);
    connection = accept(listener, NULL, NULL);
    master = nk_recv_fd(connection);
    CHECK(master >= 0 && isatty(master));
    resize(master, 24, 80);
    fputs("received\n", stderr);
    serve(master, watch_signals());
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc >= 3 && strcmp(argv[1], "run") == 0)
        return run(argv + 2);
    if (argc == 3 && strcmp(argv[1], "console") == 0)
        return console(argv[2]);
    return 2;
}
