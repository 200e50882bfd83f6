/* The root of the OS. */
#ifndef CLAYLINUX_ROOT_H
#define CLAYLINUX_ROOT_H

#include <sys/types.h>

/* Make the unpacked tree a mount of its own, without copying it; returns where.
 *
 * The initial rootfs can neither be unmounted nor moved, so pivot_root(2) fails on it, and with it every
 * container runtime. A bind mount of the same tree, moved over `/`, is an ordinary mount. */
const char *root_bind(void);

/* Make the mount `tree` the root, with /dev as it is. */
void root_switch(const char *tree);

/* Remove what the open directory `folder` holds on `device`, and close it. What cannot be removed stays. */
void root_empty(int folder, dev_t device);

#endif
