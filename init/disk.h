/* Layers on a disk, beside the program: a partition, which a list in the archive describes. */
#ifndef CLAYLINUX_DISK_H
#define CLAYLINUX_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Return whether the layers are on a disk. */
bool disk_has_layers(void);

/* Return whether layers of a disk are to be copied to memory. */
bool disk_is_copied(void);

/* Find the disk with `count` layers. Waits for it, and fails if it does not come. */
void disk_find(int count);

/* Make a device with layer `number`, write its path to `device`, and return it opened (see mapper_open). */
int disk_open_layer(int number, char *device, size_t size);

/* Remove the device with layer `number`, which nobody has open. */
void disk_close_layer(int number);

#endif
