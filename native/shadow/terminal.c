#include "terminal.h"

#include "common/cleanup.h"
#include "common/connect.h"
#include "common/fail.h"
#include "common/frame.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_pair(struct pty *pty) {
    int unlocked = 0;
    struct termios saved;

    pty->master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->master < 0)
        return fail_errno("cannot open /dev/ptmx");
    if (ioctl(pty->master, TIOCSPTLCK, &unlocked) < 0)
        return fail_errno("cannot unlock the pseudo terminal");
    pty->slave = ioctl(pty->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->slave < 0)
        return fail_errno("cannot open the pseudo terminal's slave");
    if (terminal_make_raw(pty->slave, &saved) < 0)
        return fail_errno("cannot make the pseudo terminal raw");
    return 0;
}

int pty_open(struct pty *pty, const char *console_socket) {
    pty->console = connect_unix(console_socket);
    if (pty->console < 0)
        return fail_errno("cannot connect to the console socket %s", console_socket);
    return open_pair(pty);
}

int pty_hand_over(struct pty *pty) {
    /* runc's payload: the name of the file that the descriptor came from. */
    int sent = nk_send_fd(pty->console, pty->master, "/dev/ptmx");

    if (sent < 0)
        return fail_errno("cannot send the terminal to the console socket");
    close(pty->console);
    close(pty->master);
    pty->console = pty->master = -1;
    return 0;
}

void pty_close(struct pty *pty) {
    const int fds[] = {pty->master, pty->slave, pty->console};

    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    *pty = (struct pty){-1, -1, -1};
}

int pty_attach(const struct pty *pty) {
    int flags = fcntl(pty->slave, F_GETFL);

    if (fcntl(pty->slave, F_SETFL, flags | O_NONBLOCK) < 0 || ioctl(pty->slave, TIOCSCTTY, 0) < 0)
        return fail_errno("cannot make the pseudo terminal the controlling terminal");
    for (int fd = 0; fd <= 2; fd++) {
        if (dup2(pty->slave, fd) < 0)
            return fail_errno("cannot use the pseudo terminal as a standard stream");
    }
    return 0;
}

static int controlling = -1;

int terminal_find(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (isatty(fd))
            return fd;
    }
    return controlling;
}

void terminal_open_controlling(void) {
    if (terminal_find() < 0)
        controlling = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

size_t terminal_move_controlling(struct fd_move *move, int to) {
    if (controlling < 0)
        return 0;
    *move = (struct fd_move){controlling, to};
    controlling = to;
    return 1;
}

int terminal_size(int fd, uint8_t *payload) {
    struct winsize size;

    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) < 0)
        return -1;
    nk_put_u16(payload, size.ws_row);
    nk_put_u16(payload + 2, size.ws_col);
    return 0;
}

int terminal_make_raw(int fd, struct termios *saved) {
    struct termios raw;

    if (tcgetattr(fd, saved) < 0)
        return -1;
    raw = *saved;
    cfmakeraw(&raw);
    return tcsetattr(fd, TCSANOW, &raw);
}

void terminal_restore(int fd, const struct termios *saved) {
    tcsetattr(fd, TCSADRAIN, saved);
}

static bool same_modes(const struct termios *a, const struct termios *b) {
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_lflag == b->c_lflag;
}

void terminal_restore_raw(int fd, const struct termios *saved) {
    struct termios raw = *saved;
    struct termios now;

    cfmakeraw(&raw);
    /* Not after its output has been read, which nobody may do any more. */
    if (tcgetattr(fd, &now) == 0 && same_modes(&now, &raw))
        tcsetattr(fd, TCSANOW, saved);
}
