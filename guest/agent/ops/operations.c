/* The table of operations, with what each takes. */
#include "operations.h"

#include "base/agent.h"
#include "network/network.h"
#include "network/spec.h"
#include "wire/mark.h"

#include <stdint.h>
#include <string.h>

#define ID                                                                                                   \
    { "id", NK_ANY_ID, true, 0, 0, NULL }
#define END                                                                                                  \
    { NULL, NK_END, false, 0, 0, NULL }
#define INTEGER(name, required, min, max)                                                                    \
    { name, NK_INTEGER, required, min, max, NULL }
#define BOOLEAN(name)                                                                                        \
    { name, NK_BOOLEAN, false, 0, 0, NULL }
#define OBJECT(name, required)                                                                               \
    { name, NK_OBJECT, required, 0, 0, NULL }
#define TEXT(name, required, min, max)                                                                       \
    { name, NK_TEXT, required, min, max, NULL }
#define WORD(name, required, words)                                                                          \
    { name, NK_WORD, required, 0, 0, words }
#define OBJECTS(name, max)                                                                                   \
    { name, NK_OBJECTS, true, 0, max, NULL }
#define ROWS INTEGER("rows", false, 0, 65535)
#define COLS INTEGER("cols", false, 0, 65535)
#define MARK(name)                                                                                           \
    { name, NK_TEXT, false, NK_MARK_BYTES, NK_MARK_BYTES, NULL }
#define STREAMS                                                                                              \
    { "streams", NK_STREAMS, false, 0, 0, NULL }
#define ANY_PROCESS                                                                                          \
    { "session", NK_SESSION, false, 0, 0, NULL }
#define MAX_STOP_MS 3600000
/* One below VMADDR_PORT_ANY (linux/vm_sockets.h). */
#define MAX_VSOCK_PORT (UINT32_MAX - 1)

static const char *const runtimes[] = {"crun", "runc", NULL};
static const char *const file_systems[] = {"9p",    "virtiofs", "ext4", "erofs",
                                           "tmpfs", "overlay",  "bind", NULL};
static const char *const mount_flags[] = {"ro", "nosuid", "nodev", "noexec", NULL};
static const char *const shutdown_modes[] = {"poweroff", "none", NULL};

static const struct nk_member nothing[] = {END};
static const struct nk_member id_only[] = {ID, END};
static const struct nk_member configure[] = {
    {"realtimeNs", NK_DIGITS, false, 0, 19, NULL},
    TEXT("hostname", false, 0, 64),
    {"entropy", NK_BASE64, false, 0, 512, NULL},
    WORD("runtime", false, runtimes),
    BOOLEAN("debug"),
    MARK("hostMark"),
    MARK("agentMark"),
    END,
};
static const struct nk_member reconnect[] = {{"streams", NK_STREAM_ROWS, true, 0, 0, NULL}, END};
static const struct nk_member mount[] = {
    {"target", NK_RUN_PATH, true, 0, 0, NULL},
    WORD("fstype", true, file_systems),
    TEXT("source", false, 0, 4095),
    TEXT("options", false, 0, 4095),
    {"flags", NK_WORDS, false, 0, 16, mount_flags},
    INTEGER("vsockPort", false, 1, MAX_VSOCK_PORT),
    {"proof", NK_RUN_PATH, false, 0, 0, NULL},
    END,
};
static const struct nk_member unmount[] = {{"target", NK_RUN_PATH, true, 0, 0, NULL}, END};
static const struct nk_member network[] = {
    OBJECTS("links", NK_MAX_LINKS), OBJECTS("routes", NK_MAX_ROUTES),
    OBJECTS("rules", NK_MAX_RULES), OBJECTS("neighbours", NK_MAX_NEIGHBOURS),
    OBJECT("files", false),         END,
};
static const struct nk_member listen_members[] = {
    INTEGER("socket", true, 1, UINT32_MAX),
    {"target", NK_RUN_PATH, true, 0, 0, NULL},
    INTEGER("stream", false, 1, UINT32_MAX),
    END,
};
static const struct nk_member unlisten[] = {INTEGER("socket", true, 1, UINT32_MAX), END};
static const struct nk_member accept_members[] = {
    INTEGER("socket", true, 1, UINT32_MAX),
    INTEGER("connection", true, 1, UINT32_MAX),
    STREAMS,
    END,
};
static const struct nk_member connect_members[] = {INTEGER("port", true, 1, 65535), STREAMS, END};
static const struct nk_member create[] = {
    ID,
    OBJECT("config", false),
    {"root", NK_RUN_PATH, false, 0, 0, NULL},
    TEXT("bundle", false, 1, 4000),
    STREAMS,
    BOOLEAN("terminal"),
    ROWS,
    COLS,
    WORD("runtime", false, runtimes),
    END,
};
static const struct nk_member stop[] = {ID, INTEGER("timeoutMs", false, 0, MAX_STOP_MS), END};
static const struct nk_member kill_members[] = {
    ID, INTEGER("signal", true, 1, 64), BOOLEAN("all"), ANY_PROCESS, END,
};
static const struct nk_member delete_members[] = {ID, BOOLEAN("force"), END};
static const struct nk_member exec[] = {
    ID,
    {"session", NK_SESSION, true, 1, 0, NULL},
    OBJECT("process", true),
    STREAMS,
    BOOLEAN("terminal"),
    ROWS,
    COLS,
    END,
};
static const struct nk_member resize[] = {
    ID, ANY_PROCESS, INTEGER("rows", true, 0, 65535), INTEGER("cols", true, 0, 65535), END,
};
static const struct nk_member update[] = {ID, OBJECT("resources", true), END};
static const struct nk_member sync_members[] = {
    ID,
    {"root", NK_RUN_PATH, true, 0, 0, NULL},
    {"upper", NK_RUN_PATH, false, 0, 0, NULL},
    {"target", NK_RUN_PATH, true, 0, 0, NULL},
    END,
};
static const struct nk_member shutdown_members[] = {WORD("mode", false, shutdown_modes), END};

static int check_configure(const json_t *body, struct nk_error *e) {
    if (!json_object_get(body, "hostMark") != !json_object_get(body, "agentMark"))
        return nk_fail(e, NK_BAD_REQUEST, "expected \"hostMark\" and \"agentMark\", found one of them");
    return 0;
}

static int check_mount(const json_t *body, struct nk_error *e) {
    if (json_object_get(body, "vsockPort") &&
        strcmp(json_string_value(json_object_get(body, "fstype")), "9p") != 0)
        return nk_fail(e, NK_BAD_REQUEST, "\"vsockPort\": expected the fstype 9p, found another");
    return 0;
}

static int check_streams(const json_t *body, struct nk_error *e) {
    if (json_is_true(json_object_get(body, "terminal")) &&
        json_object_get(json_object_get(body, "streams"), "stderr"))
        return nk_fail(e, NK_BAD_REQUEST, "\"streams\": expected no \"stderr\" with a terminal, found one");
    return 0;
}

static int check_accept(const json_t *body, struct nk_error *e) {
    const json_t *streams = json_object_get(body, "streams");

    if (streams && (!json_object_get(streams, "stdin") || !json_object_get(streams, "stdout") ||
                    json_object_get(streams, "stderr")))
        return nk_fail(e, NK_BAD_REQUEST, "\"streams\": expected \"stdin\" and \"stdout\", found others");
    return 0;
}

static int check_connect(const json_t *body, struct nk_error *e) {
    if (!json_object_get(body, "streams"))
        return nk_fail(e, NK_BAD_REQUEST, "expected \"streams\", found none");
    return check_accept(body, e);
}

static int check_create(const json_t *body, struct nk_error *e) {
    const char *bundle = json_string_value(json_object_get(body, "bundle"));

    if (bundle && bundle[0] != '/')
        return nk_fail(e, NK_BAD_REQUEST, "\"bundle\": expected an absolute path, found another");
    if (!bundle && (!json_object_get(body, "config") || !json_object_get(body, "root")))
        return nk_fail(e, NK_BAD_REQUEST, "expected \"config\" and \"root\", or \"bundle\", found neither");
    return check_streams(body, e);
}

const struct nk_operation nk_operations[] = {
    {"health", true, nothing, NULL, nk_op_health},
    {"configure", true, configure, check_configure, nk_op_configure},
    {"reconnect", false, reconnect, NULL, nk_op_reconnect},
    {"mount", false, mount, check_mount, nk_op_mount},
    {"unmount", false, unmount, NULL, nk_op_unmount},
    {"network", false, network, nk_network_check, nk_op_network},
    {"listen", false, listen_members, NULL, nk_op_listen},
    {"unlisten", false, unlisten, NULL, nk_op_unlisten},
    {"accept", false, accept_members, check_accept, nk_op_accept},
    {"connect", false, connect_members, check_connect, nk_op_connect},
    {"create", false, create, check_create, nk_op_create},
    {"start", false, id_only, NULL, nk_op_start},
    {"stop", false, stop, NULL, nk_op_stop},
    {"kill", false, kill_members, NULL, nk_op_kill},
    {"delete", false, delete_members, NULL, nk_op_delete},
    {"exec", false, exec, check_streams, nk_op_exec},
    {"state", false, id_only, NULL, nk_op_state},
    {"ps", false, id_only, NULL, nk_op_ps},
    {"resize", false, resize, NULL, nk_op_resize},
    {"pause", false, id_only, NULL, nk_op_pause},
    {"resume", false, id_only, NULL, nk_op_resume},
    {"update", false, update, NULL, nk_op_update},
    {"stats", false, id_only, NULL, nk_op_stats},
    {"kmsg", false, nothing, NULL, nk_op_kmsg},
    {"sync", false, sync_members, NULL, nk_op_sync},
    {"metrics", false, nothing, NULL, nk_op_metrics},
    {"shutdown", true, shutdown_members, NULL, nk_op_shutdown},
    {NULL, false, NULL, NULL, NULL},
};
