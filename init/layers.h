/* A system of compressed read-only layers, with a tmpfs on top for all changes. */
#ifndef CLAYLINUX_LAYERS_H
#define CLAYLINUX_LAYERS_H

#include <stdbool.h>

/* Return whether the image contains layers. */
bool layers_exist(void);

/* Combine the layers into one writable tree; return its mount point. */
const char *layers_mount(void);

/* Restore the attributes that layers cannot hold. Call this after the tree has become the root. */
void layers_finish(void);

#endif
