/* A test fails by saying where and what, and ends. */
#ifndef NK_CHECK_H
#define NK_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s (errno: %s)\n", __FILE__, __LINE__, #condition, strerror(errno));     \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

#define CHECK_TEXT(found, expected)                                                                          \
    do {                                                                                                     \
        if (!strstr(found, expected)) {                                                                      \
            fprintf(stderr, "%s:%d: expected \"%s\" in \"%s\"\n", __FILE__, __LINE__, expected, found);      \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

#define RUN(test)                                                                                            \
    do {                                                                                                     \
        test();                                                                                              \
        printf("ok %s\n", #test);                                                                            \
    } while (0)

#endif
