/* Any bytes from any sender: the decoder stays within its limits. */
#include "common/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nk_decoder d;
    struct nk_frame frame;
    size_t cut = size > 0 ? (size_t)(data[0] >> 2) + 1 : 1;
    int got = 0;

    nk_decoder_init(&d, size > 0 ? (enum nk_sender)(data[0] & 3) : NK_FROM_HOST);
    for (size_t at = 1; at < size && got >= 0;) {
        size_t room;
        uint8_t *space = nk_decoder_space(&d, &room);
        size_t n = size - at < cut ? size - at : cut;
        if (!space || n > room)
            abort();
        memcpy(space, data + at, n);
        nk_decoder_commit(&d, n);
        at += n;
        while ((got = nk_decoder_next(&d, &frame)) > 0) {
            /* The sanitizer looks at each byte that is copied. */
            uint8_t *copy = malloc(frame.length + 1u);
            memcpy(copy, frame.payload, frame.length);
            free(copy);
        }
    }
    nk_decoder_free(&d);
    return 0;
}
