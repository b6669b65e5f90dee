#include "netlink.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int netlink_open(unsigned groups) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return nk_take_fd(&fd);
}

void netlink_begin(struct netlink_request *request, int type, int flags, const void *fixed, size_t size) {
    memset(request, 0, sizeof *request);
    request->header.nlmsg_type = (__u16)type;
    request->header.nlmsg_flags = (__u16)(NLM_F_REQUEST | NLM_F_ACK | flags);
    request->header.nlmsg_len = (__u32)NLMSG_LENGTH(size);
    memcpy(request->body, fixed, size);
}

struct rtattr *netlink_put(struct netlink_request *request, int type, const void *data, size_t size) {
    const size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
    struct rtattr *attribute = (struct rtattr *)((char *)request + at);

    if (at + RTA_SPACE(size) > sizeof *request)
        abort();
    attribute->rta_type = (unsigned short)type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size > 0)
        memcpy(RTA_DATA(attribute), data, size);
    request->header.nlmsg_len = (__u32)(at + RTA_SPACE(size));
    return attribute;
}

void netlink_end(struct netlink_request *request, struct rtattr *nest) {
    nest->rta_len = (unsigned short)((char *)request + request->header.nlmsg_len - (char *)nest);
}

int netlink_ask(int socket, struct netlink_request *request) {
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[NETLINK_MAX_BYTES];
    } answer;

    if (send(socket, request, request->header.nlmsg_len, 0) < 0)
        return -1;
    if (recv(socket, &answer, sizeof answer, 0) < (ssize_t)(sizeof answer.header + sizeof answer.error) ||
        answer.header.nlmsg_type != NLMSG_ERROR) {
        errno = EPROTO;
        return -1;
    }
    errno = -answer.error.error;
    return answer.error.error == 0 ? 0 : -1;
}
