/* A virtiofsd that serves nothing: it says that it listens, and then does what its name says behind the last
 * "-": exit, never (says that it listens), stay, deaf (to SIGTERM). */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *mode = argc > 0 ? strrchr(argv[0], '-') : NULL;

    if (!mode || strcmp(mode, "-exit") == 0) {
        fputs("fake-virtiofsd: source is not a directory\n", stderr);
        return 1;
    }
    /* In two pieces: output comes as it likes. */
    fputs("virtio_session_mount: Waiting for vhost-", stderr);
    usleep(20000);
    if (strcmp(mode, "-never") != 0)
        fputs("user socket connection...\n", stderr);
    if (strcmp(mode, "-deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}
