#include "mark.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_DIGITS 8u

static char host_mark[NK_MARK_BYTES + 1];
static char agent_mark[NK_MARK_BYTES + 1];

void nk_marks_set(const char *host, const char *agent) {
    memcpy(host_mark, host, NK_MARK_BYTES);
    memcpy(agent_mark, agent, NK_MARK_BYTES);
}

void nk_marks_forget(void) {
    host_mark[0] = agent_mark[0] = '\0';
}

bool nk_marks_known(void) {
    return host_mark[0] != '\0';
}

const char *nk_mark_of_agent(void) {
    return nk_marks_known() ? agent_mark : NULL;
}

/* A port hands over what one write of the host brought, or less, but never two of them together. So whatever
 * came before, the mark is a piece of its own. */
unsigned nk_mark_read(const uint8_t *piece, size_t n) {
    char digits[NUMBER_DIGITS + 1] = "";

    if (n != NK_MARK_BYTES + NUMBER_DIGITS || !nk_marks_known() ||
        memcmp(piece, host_mark, NK_MARK_BYTES) != 0)
        return 0;
    memcpy(digits, piece + NK_MARK_BYTES, NUMBER_DIGITS);
    return (unsigned)strtoul(digits, NULL, 16);
}
