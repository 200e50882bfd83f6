#define _GNU_SOURCE
#include "gpt.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512 /* of our images, on whatever disk they are */
#define ENTRIES 128
#define ENTRY 128
#define GUID 16
#define FIRST 32

static bool is_disk(const struct dirent *entry)
{
    static const char *const others[] = {".", "loop", "ram", "zram", "dm-", "md", "fd", "nbd", "mtdblock"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(entry->d_name, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

/* Return the number in a file of sysfs, or `otherwise`. */
static uint64_t number_in(const char *path, uint64_t otherwise)
{
    char text[32] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0)
        text[0] = '\0';
    if (file >= 0)
        close(file);
    return text[0] ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t number_at(const unsigned char *bytes)
{
    uint64_t number = 0;
    for (int i = 7; i >= 0; i--)
        number = number << 8 | bytes[i];
    return number;
}

/* Find the partition in the table of a disk; return its number, from 1, or 0. Nothing else in the table counts: what is
 * read there is verified. */
static int look_in_table(const char *disk, const unsigned char *guid, uint64_t *start)
{
    static unsigned char table[SECTOR + ENTRIES * ENTRY];
    int file = open(disk, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = pread(file, table, sizeof table, SECTOR);
    close(file);
    if (length != (ssize_t)sizeof table || memcmp(table, "EFI PART", 8) != 0)
        return 0;
    for (int i = 0; i < ENTRIES; i++) {
        const unsigned char *entry = table + SECTOR + i * ENTRY;
        if (memcmp(entry + GUID, guid, GPT_GUID) == 0) {
            *start = number_at(entry + FIRST);
            return i + 1;
        }
    }
    return 0;
}

/* Find the device of a partition of a disk. Whoever uses a whole disk keeps all others from its partitions, so that is for
 * disks whose sectors are too large for the kernel to see our table: CDs, mostly. */
static bool find_device(const char *sysfs, const char *disk, int number, uint64_t start, struct gpt_partition *partition)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/block/%s/queue/logical_block_size", sysfs, disk);
    if (number_in(path, SECTOR) != SECTOR) {
        snprintf(partition->device, sizeof partition->device, "/dev/%.50s", disk);
        partition->start = start * SECTOR;
        return true;
    }
    bool is_found = false;
    snprintf(path, sizeof path, "%s/block/%s", sysfs, disk);
    DIR *parts = opendir(path);
    for (struct dirent *part; parts && !is_found && (part = readdir(parts));) {
        snprintf(path, sizeof path, "%s/block/%s/%s/partition", sysfs, disk, part->d_name);
        if (number_in(path, 0) != (uint64_t)number)
            continue;
        snprintf(partition->device, sizeof partition->device, "/dev/%.50s", part->d_name);
        partition->start = 0;
        is_found = access(partition->device, F_OK) == 0;
    }
    if (parts)
        closedir(parts);
    return is_found;
}

bool gpt_find(const char *sysfs, const unsigned char *guid, struct gpt_partition *partition)
{
    char path[512];
    bool is_found = false;
    snprintf(path, sizeof path, "%s/block", sysfs);
    DIR *disks = opendir(path);
    for (struct dirent *disk; disks && !is_found && (disk = readdir(disks));) {
        uint64_t start = 0;
        snprintf(path, sizeof path, "/dev/%s", disk->d_name);
        int number = is_disk(disk) ? look_in_table(path, guid, &start) : 0;
        is_found = number && find_device(sysfs, disk->d_name, number, start, partition);
    }
    if (disks)
        closedir(disks);
    return is_found;
}

void gpt_list(const char *sysfs, char *text, size_t size)
{
    char path[512];
    size_t used = 0;
    snprintf(path, sizeof path, "%s/block", sysfs);
    DIR *disks = opendir(path);
    snprintf(text, size, "none");
    for (struct dirent *disk; disks && (disk = readdir(disks));)
        if (is_disk(disk) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", disk->d_name);
    if (disks)
        closedir(disks);
}
