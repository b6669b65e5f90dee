/* Copying back what a container changed: of an overlay, and of a file system of its own. Needs root, for the
 * mounts. */
#include "sync/sync.h"
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tree before the container runs. Attributes are trusted ones: a tmpfs has those of users since Linux 6.6.
 */
static const char LOWER[] =
    "mkdir -p etc/sub var/lib/deep old/inner swap/folder mnt gone/below\n"
    "echo one >etc/one; echo two >etc/two; echo s >etc/sub/s; echo keep >etc/keep; ln -s one etc/link\n"
    "echo d >var/lib/deep/d; echo i >old/inner/i; echo f >swap/file; echo x >swap/folder/x; echo b "
    ">gone/below/b\n"
    "echo twice >etc/name1; ln etc/name1 var/name2; echo lone >etc/a; ln etc/a etc/b; mkfifo etc/fifo\n"
    "setfattr -n trusted.note -v before etc/two; chmod 4755 etc/keep; chown 5:6 etc/two; mkdir same; echo "
    "same "
    ">same/file\n"
    "touch -d '2001-02-03 04:05:06.789' etc/keep etc var/lib\n";

/* What the runtime makes before the container runs, and only an image of the container's own would have. */
static const char RUNTIME[] =
    "mkdir -p proc dev/pts mnt/point etc/point; touch etc/resolv.conf; ln -s /x dev/fd\n";

/* What the container does. */
static const char CHANGES[] =
    "echo changed >etc/one; rm etc/sub/s; rmdir etc/sub; chmod 600 etc/keep; chown 7:8 etc/two\n"
    "setfattr -n trusted.note -v after etc/two; setfattr -n trusted.note.own -v folder etc; ln -sf two "
    "etc/link\n"
    "mkdir moved; mv var/lib/deep moved/deep; mv old/inner inner; rm -r old\n"
    "rm swap/file; mkdir swap/file; echo n >swap/file/n; rm -r swap/folder; echo now >swap/folder\n"
    "rm -r gone; mkdir gone; echo new >gone/new; mkdir -p new/a/b; echo c >new/a/b/c; ln new/a/b/c "
    "new/linked\n"
    "echo more >>etc/name1; mkfifo new/fifo; mknod new/null c 1 3; truncate -s 1M new/sparse\n"
    "dd if=/dev/urandom of=new/sparse bs=4k count=1 seek=100 conv=notrunc 2>/dev/null; mv etc/a etc/renamed\n"
    "mkdir new/empty; touch new/nothing; touch -h -d '1999-01-01 00:00:00.5' etc/link new/nothing\n"
    "dd if=/dev/urandom of=new/big bs=1M count=3 2>/dev/null; printf 'odd\\nname' >\"new/odd\nname\"\n";

/* What is the same in both, to be compared as text: all but sizes of folders, and what the runtime made. */
static const char LIST[] =
    "find . ! -path ./proc ! -path './dev*' ! -path './mnt*' ! -path ./etc/point ! -path "
    "./etc/resolv.conf "
    "\\( -type d -printf '%P %y %m %U %G %T@\\n' -o -printf '%P %y %m %U %G %s %n %l %T@\\n' \\) | sort; "
    "find . -type f ! -path ./etc/resolv.conf -print0 | sort -z | xargs -0 sha1sum; "
    "find . -samefile etc/name1 | sort; find . -samefile new/linked | sort; "
    "find . ! -path './dev*' -exec getfattr -hd -m trusted.note {} + 2>/dev/null | sort";

static void shell(const char *folder, const char *script) {
    char *command;

    CHECK(asprintf(&command, "set -e; cd %s; umask 022; %s", folder, script) > 0, "memory");
    CHECK(system(command) == 0, "%s", command);
    free(command);
}

/* The kernel stamps files by a clock that ticks, and a newer one sometimes by the exact time: what comes
 * after this is later than all before by either. */
static struct timespec tick(void) {
    struct timespec before, now;

    clock_gettime(CLOCK_REALTIME, &before);
    do
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    while (now.tv_sec < before.tv_sec || (now.tv_sec == before.tv_sec && now.tv_nsec <= before.tv_nsec));
    return now;
}

static void mount_at(const char *type, const char *target, const char *options) {
    CHECK(mount(type, target, type, 0, options) == 0, "mount of %s: %s", type, strerror(errno));
}

static void fresh(void) {
    shell(".", "rm -rf lower upper work merged target alone; mkdir lower upper work merged alone; chown 0:3 "
               "lower; chmod 2755 lower");
    shell("lower", LOWER);
    shell(".", "cp -a lower target; cp -a lower/. alone");
}

static struct nk_sync_spec change(const char *root, const char *upper) {
    struct nk_sync_spec spec = {.root = root, .upper = upper, .target = "target"};

    spec.created = tick();
    shell(root, RUNTIME);
    spec.started = tick();
    shell(root, CHANGES);
    return spec;
}

static void expect_same(const char *root, const char *target) {
    char *script;

    CHECK(asprintf(&script, "(cd %s; %s) >a.txt; (cd %s; %s) >b.txt; diff a.txt b.txt", root, LIST, target,
                   LIST) > 0,
          "memory");
    shell(".", script);
    free(script);
    /* Nothing of the runtime, nothing of the copy itself. */
    shell(target, "! ls -d proc dev mnt/point etc/point etc/resolv.conf .nk-sync 2>/dev/null");
}

static void expect_report(const struct nk_sync_report *report, uint64_t failed) {
    CHECK(report->failed == failed, "%llu failures, the first: %s", (unsigned long long)report->failed,
          report->problems[0]);
    CHECK(report->files > 0 && report->bytes > 3 << 20 && report->deleted > 0, "counts");
}

static void run_twice(const struct nk_sync_spec *spec) {
    static struct nk_sync_report report;

    memset(&report, 0, sizeof report);
    CHECK(nk_sync_run(spec, &report) == 0, "%s", report.problems[0]);
    expect_report(&report, 0);
    expect_same(spec->root, "target");
    /* Over the result of the first, as after a copy that was cut off. */
    mkdir("target/" NK_SYNC_STAGING, 0700);
    shell("target", "mkdir .nk-sync/old; echo half >.nk-sync/made");
    CHECK(nk_sync_run(spec, &report) == 0 && report.failed == 0, "%s", report.problems[0]);
    expect_same(spec->root, "target");
}

static void test_overlay(void) {
    struct nk_sync_spec spec;

    fresh();
    mount_at("overlay", "merged", "lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=on,index=on");
    spec = change("merged", "upper");
    run_twice(&spec);
    umount("merged");
}

static void test_own_file_system(void) {
    struct nk_sync_spec spec;

    fresh();
    spec = change("alone", NULL);
    run_twice(&spec);
}

/* What the container did not touch stays the host's, and is not written. */
static void test_little(void) {
    static struct nk_sync_report report;
    struct nk_sync_spec spec = {.root = "alone", .target = "target"};

    fresh();
    spec.created = tick();
    spec.started = tick();
    shell("target", "echo host >same/file; echo host >same/host");
    shell("alone", "echo x >etc/sub/s");
    CHECK(nk_sync_run(&spec, &report) == 0 && report.failed == 0, "%s", report.problems[0]);
    CHECK(report.files == 1 && report.deleted == 0, "%llu files", (unsigned long long)report.files);
    shell("target", "grep -q x etc/sub/s && grep -q host same/file && grep -q host same/host");
}

/* The key of an image has the time of each folder's last change: a copy that has nothing to do must not make
 * another one. */
static void test_nothing(void) {
    static struct nk_sync_report report;
    struct nk_sync_spec spec = {.root = "alone", .target = "target"};
    struct stat before, after;

    fresh();
    spec.created = tick();
    shell("alone", RUNTIME);
    spec.started = tick();
    shell("alone", "mkdir .nk-sync; touch .nk-sync/made; rm -r .nk-sync; touch -r ../target .");
    stat("target", &before);
    CHECK(nk_sync_run(&spec, &report) == 0 && report.failed == 0, "%s", report.problems[0]);
    stat("target", &after);
    CHECK(memcmp(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim) == 0, "the target was written to");
}

/* A container may have a folder of that name. */
static void test_own_staging(void) {
    static struct nk_sync_report report;
    struct nk_sync_spec spec = {.root = "alone", .target = "target"};

    fresh();
    spec.created = tick();
    spec.started = tick();
    shell("alone", "mkdir .nk-sync; echo x >.nk-sync/made; echo x >etc/one; echo x >.nk-sync/l0");
    CHECK(nk_sync_run(&spec, &report) == 0 && report.failed == 0, "%s", report.problems[0]);
    shell("target", "test ! -e .nk-sync && grep -q x etc/one");
}

/* A target that has links where folders were must not lead out of it. */
static void test_links_in_target(void) {
    static struct nk_sync_report report;
    struct nk_sync_spec spec = {.root = "alone", .target = "target"};

    fresh();
    spec.created = tick();
    spec.started = tick();
    shell(".", "mkdir -p outside; rm -rf target/etc; ln -s ../outside target/etc; ln -sf ../outside "
               "target/same/file");
    shell("alone", "echo x >etc/one; echo y >same/file");
    CHECK(nk_sync_run(&spec, &report) == 0 && report.failed == 0, "%s", report.problems[0]);
    shell(".", "test -z \"$(ls outside)\" && test ! -L target/etc && grep -q x target/etc/one && grep -q y "
               "target/same/file");
}

/* More folders in one another than are entered, and a mount in the container's root. */
static void test_bounds(void) {
    static struct nk_sync_report report;
    struct nk_sync_spec spec = {.root = "alone", .target = "target"};

    fresh();
    spec.created = tick();
    spec.started = tick();
    shell("alone", "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; echo x >bottom");
    shell("alone", "echo last >zz");
    mount_at("tmpfs", "alone/mnt", "size=1m");
    shell("alone/mnt", "echo x >secret");
    CHECK(nk_sync_run(&spec, &report) == 0, "%s", report.problems[0]);
    CHECK(report.failed == 1 && strstr(report.problems[0], "enter more folders in one another"), "%s",
          report.problems[0]);
    shell("target", "grep -q last zz && test ! -e mnt/secret");
    umount("alone/mnt");
}

int main(void) {
    char dir[] = "/tmp/nk-sync-XXXXXX";

    CHECK(mkdtemp(dir) && unshare(CLONE_NEWNS) == 0, "a namespace of its own: %s", strerror(errno));
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    mount_at("tmpfs", dir, "size=64m");
    CHECK(chdir(dir) == 0, "%s", dir);
    test_overlay();
    test_own_file_system();
    test_little();
    test_nothing();
    test_own_staging();
    test_links_in_target();
    test_bounds();
    CHECK(chdir("/") == 0 && umount(dir) == 0 && rmdir(dir) == 0, "left behind: %s", strerror(errno));
    return 0;
}
