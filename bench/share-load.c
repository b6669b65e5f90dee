/*
 * The load of bench/share.ts: share-load FOLDER TURN MIB FILES. Works on FOLDER and prints how many
 * microseconds each work took. Runs in the guest and on the host. FOLDER/read-TURN is there already.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (1 << 20)

static char block[BLOCK];
static long long start_us;

static long long now_us(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void begin(void) {
    start_us = now_us();
}

static void end(const char *work) {
    printf("%s %lld\n", work, now_us() - start_us);
}

static void must(int ok, const char *what) {
    if (ok)
        return;
    perror(what);
    exit(1);
}

static int open_file(const char *name, int flags) {
    int fd = open(name, flags, 0644);

    must(fd >= 0, name);
    return fd;
}

static const char *numbered(const char *prefix, int number) {
    static char name[64];

    snprintf(name, sizeof name, "%s-%d", prefix, number);
    return name;
}

static void large_files(int turn, int mib) {
    int fd;

    begin();
    fd = open_file("large", O_WRONLY | O_CREAT | O_TRUNC);
    for (int i = 0; i < mib; i++)
        must(write(fd, block, BLOCK) == BLOCK, "write");
    must(fsync(fd) == 0, "fsync");
    close(fd);
    end("write");
    unlink("large");

    begin();
    fd = open_file(numbered("read", turn), O_RDONLY);
    while (read(fd, block, BLOCK) > 0)
        ;
    close(fd);
    end("read");
}

static void list(void) {
    DIR *folder = opendir(".");
    struct dirent *entry;
    struct stat info;

    must(folder != NULL, "opendir");
    while ((entry = readdir(folder)))
        must(lstat(entry->d_name, &info) == 0, entry->d_name);
    closedir(folder);
}

static void small_files(int count) {
    begin();
    for (int i = 0; i < count; i++) {
        int fd = open_file(numbered("small", i), O_WRONLY | O_CREAT | O_EXCL);
        must(write(fd, block, 1024) == 1024, "write");
        close(fd);
    }
    end("create");

    begin();
    list();
    end("list");

    begin();
    for (int i = 0; i < count; i++) {
        int fd = open_file(numbered("small", i), O_RDONLY);
        must(read(fd, block, BLOCK) == 1024, "read");
        close(fd);
    }
    end("open");

    begin();
    for (int i = 0; i < count; i++)
        must(unlink(numbered("small", i)) == 0, "unlink");
    end("remove");
}

int main(int argc, char **argv) {
    must(argc == 5, "usage: share-load FOLDER TURN MIB FILES");
    must(chdir(argv[1]) == 0, argv[1]);
    memset(block, 'x', sizeof block);
    large_files(atoi(argv[2]), atoi(argv[3]));
    small_files(atoi(argv[4]));
    return 0;
}
