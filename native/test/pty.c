/* The terminal side for tests from outside, which node cannot play.
 *   pty run PROGRAM [ARG]...   runs a program at a terminal of 24 x 80; says on standard error whether its
 * modes are as before at the end; exits with the program's status pty console SOCKET         receives a
 * terminal as a console socket does, and says so on standard error Both connect the terminal to standard
 * input and output. SIGUSR1 makes it 50 x 120. */
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
#include <unistd.h>

static void resize(int master, unsigned short rows, unsigned short cols) {
    struct winsize size = {.ws_row = rows, .ws_col = cols};

    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
}

static int same_modes(const struct termios *a, const struct termios *b) {
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

/* False at the end of `from`. */
static int copy(int from, int to) {
    char buf[4096];
    ssize_t got = read(from, buf, sizeof buf);

    return got > 0 && nk_write_all(to, buf, (size_t)got) == 0;
}

static int watch_signals(void) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Until the child or the terminal's other side has ended. */
static void serve(int master, int signals) {
    struct pollfd fds[] = {{0, POLLIN, 0}, {master, POLLIN, 0}, {signals, POLLIN, 0}};
    struct signalfd_siginfo info;

    for (;;) {
        CHECK(poll(fds, 3, -1) > 0);
        if (fds[0].revents && !copy(0, master))
            fds[0].fd = -1;
        if (fds[1].revents && !copy(master, 1))
            return;
        if (!fds[2].revents)
            continue;
        CHECK(read(signals, &info, sizeof info) == sizeof info);
        if (info.ssi_signo == SIGCHLD)
            return;
        resize(master, 50, 120);
    }
}

static int run(char **command) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int signals = watch_signals();
    struct termios before, after;
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
    CHECK(waitpid(pid, &status, 0) == pid && tcgetattr(slave, &after) == 0);
    fprintf(stderr, "terminal %s\n", same_modes(&before, &after) ? "restored" : "changed");
    nk_set_nonblock(master, 1);
    while (copy(master, 1))
        ;
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
