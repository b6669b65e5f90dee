/* create: config.json into a bundle, pipes or a terminal, then the runtime's own create. */
#include "base/agent.h"
#include "base/bigint.h"
#include "base/log.h"
#include "base/rundir.h"
#include "base/text.h"
#include "common/cleanup.h"
#include "common/frame.h"
#include "common/io.h"
#include "containers/container.h"
#include "operations.h"
#include "runtimes/run.h"
#include "runtimes/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool has_hooks(const json_t *config, const char *name) {
    return json_array_size(json_object_get(json_object_get(config, "hooks"), name)) > 0;
}

/* A bundle of ours: the request's config with the path of the mounted root in it. */
static int make_bundle(struct nk_container *c, const struct nk_request *request, struct nk_error *e) {
    json_t *config = json_object_get(request->body, "config");
    json_t *root = json_object_get(config, "root");
    char path[PATH_MAX];
    char file[PATH_MAX + 16];

    if (!json_is_object(root)) {
        root = json_object();
        json_object_set_new(config, "root", root);
    }
    json_object_set(root, "path", json_object_get(request->body, "root"));
    if (nk_rundir_path(path, sizeof path, "bundles", c->id, e) < 0)
        return -1;
    if (mkdir(path, 0700) < 0)
        return nk_fail_errno(e, "mkdir %.256s", path);
    c->bundle = strdup(path);
    c->owns_bundle = true;
    snprintf(file, sizeof file, "%s/config.json", path);
    return nk_write_json(file, config, e);
}

/* With integers that jansson cannot hold; as long as a config that comes in a request. */
static json_t *load_exactly(const char *file) {
    cleanup_free char *text = malloc(NK_CONTROL_TO_GUEST_MAX_BYTES);
    ssize_t n = text ? nk_read_file(AT_FDCWD, file, text, NK_CONTROL_TO_GUEST_MAX_BYTES) : -1;

    return n < 0 ? NULL : nk_json_load(text, (size_t)n);
}

/* A folder that the host has prepared and mounted. */
static int take_bundle(struct nk_container *c, const char *folder, json_t **config, struct nk_error *e) {
    char file[PATH_MAX];
    json_error_t error;

    snprintf(file, sizeof file, "%s/config.json", folder);
    *config = json_load_file(file, 0, &error);
    if (!*config && json_error_code(&error) == json_error_numeric_overflow)
        *config = load_exactly(file);
    if (!*config)
        return nk_fail(e, NK_BAD_REQUEST, "%.512s: expected a config.json, found: %s", file, error.text);
    c->bundle = strdup(folder);
    return 0;
}

/* Where the runtime puts the container, if we can work with it: version 2 and a path of its own. */
static void remember_cgroup(struct nk_container *c, const json_t *config) {
    const char *path = json_string_value(json_object_get(json_object_get(config, "linux"), "cgroupsPath"));
    char full[PATH_MAX];

    if (path && nk_is_below(path, "") &&
        (size_t)snprintf(full, sizeof full, "%s%s", nk_settings.cgroup_root, path) < sizeof full)
        c->cgroup = strdup(full);
}

/* The runtime may have put it elsewhere, or the machine has no cgroup v2. */
static void check_cgroup(struct nk_container *c) {
    char file[PATH_MAX + 16];

    if (!c->cgroup)
        return;
    snprintf(file, sizeof file, "%s/cgroup.procs", c->cgroup);
    if (access(file, F_OK) == 0)
        return;
    free(c->cgroup);
    c->cgroup = NULL;
}

static int prepare(struct nk_container *c, const struct nk_request *request, struct nk_error *e) {
    const char *runtime = nk_request_text(request, "runtime");
    const char *folder = nk_request_text(request, "bundle");
    json_t *config = NULL;
    int ret;

    c->runtime = nk_runtime_named(runtime ? runtime : nk_settings.runtime);
    if (json_object_get(request->body, "config")) {
        config = json_incref(json_object_get(request->body, "config"));
        ret = make_bundle(c, request, e);
    } else {
        ret = take_bundle(c, folder, &config, e);
    }
    if (ret == 0) {
        c->has_poststart_hooks = has_hooks(config, "poststart");
        c->has_poststop_hooks = has_hooks(config, "poststop");
        remember_cgroup(c, config);
    }
    json_decref(config);
    return ret;
}

static void done(struct nk_run *run, pid_t pid, struct nk_error *failure) {
    struct nk_container *c = run->container;
    struct nk_request *request = run->request;
    struct nk_error terminal_failure;

    check_cgroup(c);
    if (!failure && nk_process_take_terminal(&c->init, &terminal_failure) < 0) {
        /* Made, and of no use: it must not stay behind half known. */
        kill(pid, SIGKILL);
        failure = &terminal_failure;
    }
    if (failure) {
        nk_answer_error(request, failure);
        if (c->delete_request)
            nk_answer(c->delete_request, NULL);
        nk_container_free(c);
        nk_shutdown_continue();
        return;
    }
    c->status = NK_CREATED;
    nk_answer(request, json_pack("{s:i, s:s}", "pid", (int)pid, "message", "Container created"));
    if (c->dying)
        kill(pid, SIGKILL);
    nk_process_run(&c->init, pid);
}

static int start_runtime(struct nk_container *c, struct nk_request *request, const int stdio[3],
                         struct nk_error *e) {
    struct nk_run *run = nk_run_new(c, "runtime create", request, done, e);

    if (!run)
        return -1;
    run->process = &c->init;
    if (c->runtime->create(run, stdio, e) == 0)
        return 0;
    nk_run_free(run);
    return -1;
}

void nk_op_create(struct nk_request *request) {
    struct nk_error e;
    struct nk_container *c = nk_container_new(nk_request_text(request, "id"), &e);
    int stdio[3] = {-1, -1, -1};
    int ret = -1;

    if (c && prepare(c, request, &e) == 0 && nk_process_open(&c->init, request, stdio, &e) == 0)
        ret = start_runtime(c, request, stdio, &e);
    nk_process_close_stdio(stdio);
    if (ret == 0)
        return;
    if (c)
        nk_container_free(c);
    nk_answer_error(request, &e);
}
