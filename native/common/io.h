/* Small wrappers over file descriptors. All return <0 with errno set on failure. */
#ifndef NK_IO_H
#define NK_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all bytes to a blocking descriptor, going on after EINTR and partial writes. */
int nk_write_all(int fd, const void *buf, size_t n);

/* Reads until n bytes or the end; returns the count. */
ssize_t nk_read_full(int fd, void *buf, size_t n);

/* Reads at most size - 1 bytes of a file and ends them with NUL; returns the count. */
ssize_t nk_read_file(int dirfd, const char *path, char *buf, size_t size);

/* Writes a string to a file that exists, in one write (as cgroup, sysfs and procfs want it). */
int nk_write_file(int dirfd, const char *path, const char *text);

int nk_set_cloexec(int fd, int on);
int nk_set_nonblock(int fd, int on);

/* Sends one descriptor with a payload of at least one byte. */
int nk_send_fd(int sock, int fd, const char *payload);

/* Receives one descriptor (close-on-exec); any payload is dropped. */
int nk_recv_fd(int sock);

/* CLOCK_BOOTTIME in microseconds. */
uint64_t nk_boottime_us(void);

#endif
