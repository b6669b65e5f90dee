#include "stats.h"

#include "cgroup.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define MAX_DEVICES 64

static ssize_t read_group(const char *group, const char *file, char *out, size_t size) {
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", group, file);
    return nk_read_file(AT_FDCWD, path, out, size);
}

/* A file of one number; "max" is null, what is not there is 0. */
static json_t *number(const char *group, const char *file) {
    char text[64];

    if (read_group(group, file, text, sizeof text) < 0)
        return json_integer(0);
    return strncmp(text, "max", 3) == 0 ? json_null() : json_integer(strtoll(text, NULL, 10));
}

static json_int_t value(const char *group, const char *file, const char *key) {
    long long found = nk_cgroup_value(group, file, key);

    return found < 0 ? 0 : found;
}

static json_t *cpu(const char *group) {
    static const char *const names[][2] = {
        {"usageUs", "usage_usec"},   {"userUs", "user_usec"},         {"systemUs", "system_usec"},
        {"nrPeriods", "nr_periods"}, {"nrThrottled", "nr_throttled"}, {"throttledUs", "throttled_usec"},
    };
    json_t *out = json_object();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(out, names[i][0], json_integer(value(group, "cpu.stat", names[i][1])));
    return out;
}

/* All lines "key number" of a file. */
static json_t *table(const char *group, const char *file) {
    char text[4096];
    char *rest = text;
    char *line;
    json_t *out = json_object();

    if (read_group(group, file, text, sizeof text) < 0)
        return out;
    while ((line = strsep(&rest, "\n"))) {
        char *key = strsep(&line, " ");
        if (line)
            json_object_set_new(out, key, json_integer(strtoll(line, NULL, 10)));
    }
    return out;
}

static json_t *memory(const char *group) {
    json_t *out = json_object();
    char peak[64];

    json_object_set_new(out, "current", number(group, "memory.current"));
    /* Since Linux 5.19. */
    if (read_group(group, "memory.peak", peak, sizeof peak) > 0)
        json_object_set_new(out, "peak", json_integer(strtoll(peak, NULL, 10)));
    json_object_set_new(out, "max", number(group, "memory.max"));
    json_object_set_new(out, "swapCurrent", number(group, "memory.swap.current"));
    json_object_set_new(out, "events", table(group, "memory.events"));
    json_object_set_new(out, "file", json_integer(value(group, "memory.stat", "file")));
    json_object_set_new(out, "anon", json_integer(value(group, "memory.stat", "anon")));
    json_object_set_new(out, "kernel", json_integer(value(group, "memory.stat", "kernel")));
    return out;
}

static json_t *device(const char *line) {
    unsigned long long rbytes = 0, wbytes = 0, rios = 0, wios = 0;
    unsigned major, minor;
    char name[32];

    if (sscanf(line, "%u:%u rbytes=%llu wbytes=%llu rios=%llu wios=%llu", &major, &minor, &rbytes, &wbytes,
               &rios, &wios) != 6)
        return NULL;
    snprintf(name, sizeof name, "%u:%u", major, minor);
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "device", name, "rbytes", (json_int_t)rbytes, "wbytes",
                     (json_int_t)wbytes, "rios", (json_int_t)rios, "wios", (json_int_t)wios);
}

static json_t *io(const char *group) {
    char text[8192];
    char *rest = text;
    char *line;
    json_t *out = json_array();

    if (read_group(group, "io.stat", text, sizeof text) < 0)
        return out;
    while ((line = strsep(&rest, "\n")) && json_array_size(out) < MAX_DEVICES)
        json_array_append_new(out, device(line));
    return out;
}

json_t *nk_stats_read(const char *group) {
    return json_pack("{s:o, s:o, s:{s:o, s:o}, s:o}", "cpu", cpu(group), "memory", memory(group), "pids",
                     "current", number(group, "pids.current"), "max", number(group, "pids.max"), "io",
                     io(group));
}
