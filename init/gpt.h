/* Partitions by their GUID, in the tables of all disks: the kernel tells GUIDs only since Linux 6.13, and shows no
 * partitions on a CD. */
#ifndef CLAYLINUX_GPT_H
#define CLAYLINUX_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPT_GUID 16 /* bytes */

struct gpt_partition {
    char device[64]; /* that of the partition, or of the disk if the kernel shows no partitions there */
    uint64_t start; /* where the partition starts on the device, in bytes */
};

/* Look for the partition `guid` on all disks, in the directory where sysfs is mounted; return whether it is there. */
bool gpt_find(const char *sysfs, const unsigned char *guid, struct gpt_partition *partition);

/* Write the names of all disks to `text`, for a message. */
void gpt_list(const char *sysfs, char *text, size_t size);

#endif
