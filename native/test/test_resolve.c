/* Mount points inside a hostile rootfs. */
#include "check.h"
#include "common/fail.h"
#include "shadow/resolve.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/nk-resolve-XXXXXX";
static int root;

static void inside(const char *format, char *path) {
    snprintf(path, PATH_MAX, "%s/%s", top, format);
}

/* Resolves and says where that is, below the rootfs; NULL: it failed. */
static const char *resolve(const char *dest, bool directory) {
    static char path[PATH_MAX];
    char link[64];
    int fd = resolve_mount_point(root, dest, directory);
    ssize_t length;

    if (fd < 0)
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    close(fd);
    CHECK(length > 0);
    path[length] = '\0';
    CHECK(strncmp(path, top, strlen(top)) == 0);
    CHECK_TEXT(path, "/rootfs");
    return strstr(path, "/rootfs") + strlen("/rootfs");
}

static void makes_what_is_missing(void) {
    struct stat info;
    char path[PATH_MAX];

    CHECK(strcmp(resolve("/a/b/c", true), "/a/b/c") == 0);
    CHECK(strcmp(resolve("a//d/./file", false), "/a/d/file") == 0);
    inside("rootfs/a/d/file", path);
    CHECK(stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 07777) == 0644);
    inside("rootfs/a/b", path);
    CHECK(stat(path, &info) == 0 && S_ISDIR(info.st_mode) && (info.st_mode & 07777) == 0755);
}

static void links_stay_inside(void) {
    CHECK(symlinkat("/etc", root, "absolute") == 0);
    CHECK(symlinkat("../../../../tmp", root, "upwards") == 0);
    CHECK(symlinkat("/not/there", root, "dangling") == 0);
    CHECK(mkdirat(root, "etc", 0755) == 0);
    CHECK(strcmp(resolve("/absolute", true), "/etc") == 0);
    CHECK(strcmp(resolve("/absolute/new", false), "/etc/new") == 0);
    CHECK(strcmp(resolve("/upwards/x", true), "/tmp/x") == 0);
    CHECK(strcmp(resolve("/dangling/y", true), "/not/there/y") == 0);
    CHECK(strcmp(resolve("/../../up", true), "/up") == 0);
    CHECK(access("/etc/new", F_OK) < 0);
}

static void a_dangling_last_link_is_followed_inside(void) {
    CHECK(symlinkat("/made/by/link", root, "last") == 0);
    CHECK(strcmp(resolve("/last", false), "/made/by/link") == 0);
}

static void refuses(const char *dest, const char *expected) {
    CHECK(!resolve(dest, true));
    CHECK_TEXT(fail_text(), expected);
}

static void refuses_loops_and_the_root(void) {
    char name[400];

    CHECK(symlinkat("loop", root, "loop") == 0);
    refuses("/loop", "Too many levels of symbolic links");
    refuses("/loop/x", "Too many levels of symbolic links");
    refuses("/", "is the rootfs itself");
    refuses("/a/..", "is the rootfs itself");
    refuses("/a/d/file/x", "Not a directory");
    memset(name, 'n', sizeof name - 1);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    refuses(name, "File name too long");
}

/* As any container may do, of files that have nothing to do with it. */
static pid_t start_renaming(void) {
    pid_t child = fork();

    if (child != 0)
        return child;
    for (;;) {
        renameat(root, "etc", root, "cte");
        renameat(root, "cte", root, "etc");
    }
}

static void renames_elsewhere_are_no_obstacle(void) {
    pid_t child;
    int refused = 0;

    CHECK(mkdirat(root, "from", 0755) == 0 && mkdirat(root, "to", 0755) == 0);
    CHECK(symlinkat("../to", root, "from/link") == 0);
    child = start_renaming();
    CHECK(child > 0);
    for (int i = 0; i < 50000; i++) {
        int fd = resolve_mount_point(root, "/from/link", true);

        if (fd < 0)
            refused++;
        else
            close(fd);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK(refused == 0);
}

static void magic_links_are_refused(void) {
    CHECK(symlinkat("/proc/self/root", root, "magic") == 0);
    CHECK(strcmp(resolve("/magic/etc", true), "/proc/self/root/etc") == 0);
}

int main(void) {
    char path[PATH_MAX];

    umask(0);
    CHECK(mkdtemp(top));
    inside("rootfs", path);
    CHECK(mkdir(path, 0755) == 0);
    root = open(path, O_PATH | O_DIRECTORY);
    CHECK(root >= 0);
    RUN(makes_what_is_missing);
    RUN(links_stay_inside);
    RUN(a_dangling_last_link_is_followed_inside);
    RUN(refuses_loops_and_the_root);
    RUN(renames_elsewhere_are_no_obstacle);
    RUN(magic_links_are_refused);
    fflush(stdout);
    execlp("rm", "rm", "-rf", top, NULL);
    return 1;
}
