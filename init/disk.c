#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers.h"
#include "gpt.h"
#include "listing.h"
#include "mapper.h"
#include "message.h"

#define LIST "/.claylinux/layers/disk"
#define COPIED "/.claylinux/layers/copied"
#define SYSFS "/.claylinux/sys"
#define PATIENCE 60 /* seconds: a slow stick behind a hub takes 20 */

static struct listing list; /* stays open: the hashes are in it */
static const char *layers; /* the first layer in the list */
static struct gpt_partition found;

bool disk_has_layers(void)
{
    return access(LIST, F_OK) == 0;
}

bool disk_is_copied(void)
{
    return access(COPIED, F_OK) == 0;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void damaged(void)
{
    errno = 0;
    fail("the list of layers is damaged");
}

/* Drivers come one after the other: that of a bus finds a controller, whose driver finds a disk. */
static void wait_for(const unsigned char *guid)
{
    double begun = seconds();
    bool told = false;
    for (;;) {
        drivers_load(SYSFS);
        if (gpt_find(SYSFS, guid, &found))
            return;
        double waited = seconds() - begun;
        if (waited > SILENCE && !told)
            say("waiting for the disk that has the layers of the system");
        told = told || waited > SILENCE;
        if (waited > PATIENCE)
            break;
        usleep(50000);
    }
    char disks[256];
    gpt_list(SYSFS, disks, sizeof disks);
    errno = 0;
    fail("no disk has the layers of this system: it was copied without its second partition, or the driver of its disk is "
         "missing (kernel.for); the disks are: %s", disks);
}

void disk_find(int count)
{
    listing_open(&list, open(LIST, O_RDONLY | O_CLOEXEC), "layers");
    const char *guid = listing_bytes(&list, GPT_GUID);
    if (!guid || count < 1)
        damaged();
    layers = list.at;
    mkdir(SYSFS, 0700);
    if (mount("sysfs", SYSFS, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        fail("cannot mount sysfs on " SYSFS);
    debug("looking for the disk with the layers");
    wait_for((const unsigned char *)guid);
    debug("the layers are on %s, from byte %" PRIu64, found.device, found.start);
    umount(SYSFS);
}

int disk_open_layer(int number, char *device, size_t size)
{
    uint64_t position = 0, data = 0, tree = 0;
    const char *root = NULL;
    list.at = layers;
    for (int i = 0; i <= number; i++) {
        root = listing_text(&list);
        if (!root || !listing_number(&list, 8, &position) || !listing_number(&list, 8, &data) ||
            !listing_number(&list, 8, &tree))
            damaged();
    }
    struct verified part = {found.device, found.start + position, data, tree, root};
    return mapper_open(&part, number, device, size);
}

void disk_close_layer(int number)
{
    mapper_close(number);
}
