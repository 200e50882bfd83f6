/* Files as block devices. */
#ifndef CLAYLINUX_LOOP_H
#define CLAYLINUX_LOOP_H

#include <stddef.h>

/* Make the file `path` a read-only block device that disappears with its last user. Write its name to `device`, which
 * has `size` bytes. The returned descriptor keeps the device until it is mounted; the caller must close it then. */
int loop_attach(const char *path, char *device, size_t size);

#endif
