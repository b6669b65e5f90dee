#include "source.h"

#include "common/credit.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void source_init(struct source *source) {
    struct stat info;

    source->open = true;
    source->socket = fstat(STDIN_FILENO, &info) == 0 && S_ISSOCK(info.st_mode);
    source->credit = NK_CREDIT_START_BYTES;
}

bool source_is_wanted(const struct source *source, const struct link *link) {
    return source->open && source->credit > 0 &&
           link_room(link) >= 2 * LINK_RESERVE_BYTES + NK_FRAME_HEADER_BYTES;
}

void source_close(struct source *source) {
    if (source->open)
        close(STDIN_FILENO);
    source->open = false;
}

void source_end(struct source *source, struct link *link) {
    if (source->open)
        link_send(link, NK_EOF, NK_STDIN_STREAM, NULL, 0);
    source_close(source);
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

void source_take(struct source *source, struct link *link) {
    size_t room;
    uint8_t *at = link_payload_space(link, &room);
    size_t limit = smaller(room - LINK_RESERVE_BYTES, smaller(NK_DATA_MAX_BYTES, source->credit));
    ssize_t got =
        source->socket ? recv(STDIN_FILENO, at, limit, MSG_DONTWAIT) : read(STDIN_FILENO, at, limit);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        source_end(source, link);
        return;
    }
    source->credit -= (uint32_t)got;
    link_commit(link, NK_DATA, NK_STDIN_STREAM, (uint32_t)got);
}
