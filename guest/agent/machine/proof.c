#include "proof.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is there in the wrong tree may be anything: no link is followed, and no fifo waited for. */
static ssize_t read_file(const char *path, char *text, size_t size) {
    cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0)
        return -1;
    if (!S_ISREG(info.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return read(fd, text, size);
}

int nk_proof_read(const char *path, char text[NK_PROOF_BYTES + 1], struct nk_error *e) {
    ssize_t n = read_file(path, text, NK_PROOF_BYTES + 1);

    if (n < 0)
        return nk_fail(e, NK_NOT_FOUND, "%.256s cannot be read: %s", path, strerror(errno));
    text[n <= NK_PROOF_BYTES ? n : 0] = '\0';
    if (n == 0 || strlen(text) != (size_t)n || strspn(text, "0123456789abcdef") != (size_t)n)
        return nk_fail(e, NK_NOT_FOUND, "%.256s has something else than 1 to %d hexadecimal digits", path,
                       NK_PROOF_BYTES);
    return 0;
}
