/* Words of a command line. */
#ifndef NK_WORDS_H
#define NK_WORDS_H

/* A decimal number below 2^32-1. <0: it is none. */
int words_number(const char *text, unsigned *value);

#endif
