/* Mounts that the host asked for. */
#ifndef NK_MOUNTS_H
#define NK_MOUNTS_H

/* Unmounts all of them, the last first. */
void nk_mounts_undo(void);

#endif
