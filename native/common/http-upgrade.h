/* A connection to a monitor's control socket that becomes one for something else than requests. */
#ifndef NK_HTTP_UPGRADE_H
#define NK_HTTP_UPGRADE_H

/* Asks for `endpoint`; `header` is "" or one more line of the request, with its end. What comes after the
 * answer is left to be read. <0: fail_text() has the monitor's words. */
int nk_http_upgrade(int control, const char *endpoint, const char *header);

#endif
