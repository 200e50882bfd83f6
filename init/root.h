/* The root of the OS. */
#ifndef CLAYLINUX_ROOT_H
#define CLAYLINUX_ROOT_H

/* Make the unpacked tree a mount of its own at `/`, without copying it.
 *
 * The initial rootfs can neither be unmounted nor moved, so pivot_root(2) fails on it, and with it every
 * container runtime. A bind mount of the same tree, moved over `/`, is an ordinary mount. */
void root_switch(void);

#endif
