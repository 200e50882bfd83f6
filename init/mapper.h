/* Block devices of the device mapper that verify what is read: no library, as three ioctls are all it takes. */
#ifndef CLAYLINUX_MAPPER_H
#define CLAYLINUX_MAPPER_H

#include <stddef.h>
#include <stdint.h>

/* A part of a disk: `size` bytes of data, followed by their tree of hashes (dm-verity, without its superblock). */
struct verified {
    const char *disk; /* the device */
    uint64_t position; /* of the data, in bytes */
    uint64_t size; /* of the data, in bytes */
    uint64_t tree; /* the size of the tree */
    const char *root; /* the hash that all others follow from, in hexadecimal */
};

/* Make a read-only device with the data, write its path to `device`, and return it opened. Reading data that the root
 * hash does not cover fails. `number` makes its name. Fails if that is not possible. */
int mapper_open(const struct verified *part, int number, char *device, size_t size);

/* Remove the device that mapper_open made for `number`, which nobody has open. */
void mapper_close(int number);

#endif
