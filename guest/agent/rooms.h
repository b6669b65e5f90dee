/* The rooms of the agent, put together. */
#ifndef NK_ROOMS_H
#define NK_ROOMS_H

/* Sets what lower rooms call in upper ones, whose names they do not know. Before anything else of the agent.
 */
void nk_rooms_connect(void);

#endif
