#include "words.h"

#include <stdlib.h>

int words_number(const char *text, unsigned *value) {
    char *end;
    unsigned long number;

    if (!text || *text < '0' || *text > '9')
        return -1;
    number = strtoul(text, &end, 10);
    if (*end || number > 0xfffffffeu)
        return -1;
    *value = (unsigned)number;
    return 0;
}
