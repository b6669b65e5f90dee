/* Terminals: the caller's own, or a pseudo terminal handed over by --console-socket. */
#ifndef NK_TERMINAL_H
#define NK_TERMINAL_H

#include "common/descriptors.h"

#include <stdint.h>
#include <termios.h>

/* The payload of a RESIZE frame. */
#define TERMINAL_SIZE_BYTES 4

struct pty {
    int master;
    int slave;
    int console; /* connected socket that takes the master */
};

/* Opens a pair whose slave is raw, and connects to the console socket. Done on the host, before anything else
 * can fail late. <0: see fail_text(). */
int pty_open(struct pty *pty, const char *console_socket);

/* Sends the master, whose receiver may set the terminal's size from then on. */
int pty_hand_over(struct pty *pty);

/* Closes what this process still has of the pair. */
void pty_close(struct pty *pty);

/* Makes the slave the standard streams and the controlling terminal of this session. */
int pty_attach(const struct pty *pty);

/* The first standard descriptor that is a terminal, else the controlling one if that was opened; -1: none. */
int terminal_find(void);

/* For a caller that has no terminal among its standard streams: as runc does, its controlling terminal is
 * made raw and has the size, and its standard streams have the bytes. */
void terminal_open_controlling(void);

/* Says that it is about to be moved, and how. Returns the number of moves: 0 where none was opened. */
size_t terminal_move_controlling(struct fd_move *move, int to);

/* Writes TERMINAL_SIZE_BYTES; <0: not a terminal. */
int terminal_size(int fd, uint8_t *payload);

/* Switches to raw mode; what it was is kept in `saved`. */
int terminal_make_raw(int fd, struct termios *saved);
void terminal_restore(int fd, const struct termios *saved);

/* For whoever is left when the caller has died: the terminal belongs to others by now, who may have set it
 * already. */
void terminal_restore_raw(int fd, const struct termios *saved);

#endif
