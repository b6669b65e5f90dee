/* Files below the agent's run folder. */
#ifndef NK_RUNDIR_H
#define NK_RUNDIR_H

#include "error.h"

#include <jansson.h>
#include <stddef.h>

/* Makes the folders. */
int nk_rundir_make(struct nk_error *e);

/* A path of its own: <run folder>/<sub>/<number><suffix>. */
int nk_rundir_file(char *out, size_t size, const char *sub, const char *suffix, struct nk_error *e);

/* <run folder>/<sub>/<name>. */
int nk_rundir_path(char *out, size_t size, const char *sub, const char *name, struct nk_error *e);

/* Makes a folder and those above it. */
int nk_make_folders(const char *path);

/* Writes a value as a new file. */
int nk_write_json(const char *path, const json_t *value, struct nk_error *e);

/* Removes a folder and what is in it, without following links or entering mounts. */
void nk_remove_tree(const char *path);

#endif
