/* The root directory of the OS. */
#ifndef CLAYLINUX_ROOT_H
#define CLAYLINUX_ROOT_H

#include <sys/types.h>

/* Make the unpacked tree a separate mount without copying it; return the mount point.
 *
 * The initial rootfs can neither be unmounted nor moved, so pivot_root(2) and every container runtime fail on it. A
 * bind mount of the same tree, moved over `/`, is an ordinary mount. */
const char *root_bind(void);

/* Make the mount `tree` the root directory, and move /dev there. */
void root_switch(const char *tree);

/* Remove the content of the open `directory` on `device`, and close it. Undeletable files stay without a message. */
void root_empty(int directory, dev_t device);

#endif
