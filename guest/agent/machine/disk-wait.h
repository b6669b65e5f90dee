/* A disk may be a stand-in when the VM boots: its image is still made. */
#ifndef NK_DISK_WAIT_H
#define NK_DISK_WAIT_H

#include <stdbool.h>

struct nk_request;

/* Whether path is a disk smaller than any image. */
bool nk_disk_is_stand_in(const char *path);

/* Calls `then` once when the disk is no stand-in any more, or after 10 s. Whoever asks has given the VMM the
 * image already: the guest's kernel hears of it a moment later. The request is handed on. <0: errno, and
 * `then` is not called. */
int nk_disk_wait(const char *path, struct nk_request *request, void (*then)(struct nk_request *request));

#endif
