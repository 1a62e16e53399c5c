/* SPDX-License-Identifier: GPL-3.0-only */
/* Preloaded into xrootd, which binds every interface and has no option against it: wildcard addresses become loopback.
 * Python processes have loopback.py beside this file. Built by dev/install: cc -shared -fPIC -o libloopback.so loopback.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const struct in6_addr ipv4_loopback = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}}};

int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    int (*real_bind)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");

    if (address && address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in local;
        memcpy(&local, address, sizeof local);
        if (local.sin_addr.s_addr == htonl(INADDR_ANY))
            local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return real_bind(descriptor, (struct sockaddr *)&local, sizeof local);
    }
    if (address && address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 local;
        int only_ipv6 = 0;
        socklen_t size = sizeof only_ipv6;
        memcpy(&local, address, sizeof local);
        getsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, &size);
        if (IN6_IS_ADDR_UNSPECIFIED(&local.sin6_addr))
            local.sin6_addr = only_ipv6 ? in6addr_loopback : ipv4_loopback;
        return real_bind(descriptor, (struct sockaddr *)&local, sizeof local);
    }
    return real_bind(descriptor, address, length);
}
