/* Files as block devices. */
#ifndef CLAYLINUX_LOOP_H
#define CLAYLINUX_LOOP_H

#include <stddef.h>

/* Make the file `path` a read-only block device that goes away with its last user. Its name is written to
 * `device`, which has `size` bytes; the result keeps it there until it is mounted, and must be closed then. */
int loop_attach(const char *path, char *device, size_t size);

#endif
