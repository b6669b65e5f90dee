/* Where the guest of a tree connects to its server: a Unix socket (Firecracker: `<uds_path>_<port>`) or a
 * port of AF_VSOCK (vhost). */
#ifndef NK_LISTEN_H
#define NK_LISTEN_H

struct listener {
    /* A Unix socket, mode 0600 of this owner, or … */
    const char *path;
    unsigned uid;
    unsigned gid;
    /* … any free port, for the guest with this CID alone. */
    unsigned cid;
    unsigned port; /* which one; 0 for a Unix socket */
    int fd;
};

/* <0: see fail_text(). */
int listener_open(struct listener *listener);

/* Writes "listening PORT" and a line end to the standard output. */
int listener_report(const struct listener *listener);

/* Waits for the guest, takes its connection and listens no more. */
int listener_accept(struct listener *listener);

#endif
