/* Words of a command line. */
#ifndef NK_WORDS_H
#define NK_WORDS_H

/* A decimal number below 2^32-1. <0: it is none. */
int words_number(const char *text, unsigned *value);

/* What the process around a daemon says once the daemon's sockets are there, before it says its end. */
#define NK_LISTENS "listening"

#endif
