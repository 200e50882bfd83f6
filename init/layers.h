/* A system of compressed read-only layers, with a tmpfs on top for everything that changes. */
#ifndef CLAYLINUX_LAYERS_H
#define CLAYLINUX_LAYERS_H

#include <stdbool.h>

/* Whether the image has layers. */
bool layers_are_there(void);

/* Make the layers one writable tree; returns where it is mounted. */
const char *layers_mount(void);

/* Restore the attributes that layers cannot hold, in the tree that is the root now. */
void layers_finish(void);

#endif
