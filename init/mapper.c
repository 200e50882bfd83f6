#define _GNU_SOURCE
#include "mapper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "message.h"

#define CONTROL "/dev/mapper/control"
#define BLOCK 4096 /* of data and of hashes: the imager's (imager/archive/verity.py) */
#define SECTOR 512

/* A request with one target: linux/dm-ioctl.h wants them one after the other. */
struct request {
    struct dm_ioctl head;
    struct dm_target_spec target;
    char parameters[512];
};

static void ask(int control, unsigned long what, struct request *request, uint32_t flags, const char *name)
{
    request->head.version[0] = 4;
    request->head.data_size = sizeof *request;
    request->head.data_start = offsetof(struct request, target);
    request->head.target_count = 1;
    request->head.flags = flags;
    snprintf(request->head.name, sizeof request->head.name, "%s", name);
    if (ioctl(control, (int)what, request) == 0)
        return;
    if (what == DM_TABLE_LOAD && errno == EINVAL) {
        errno = 0;
        fail("the kernel cannot verify the layers: it lacks dm-verity or SHA-256, or the disk is too small; "
             "its reason is above");
    }
    fail("cannot make the device %s", name);
}

/* Make the device `name` of `sectors`, with a target of this type, and return its number. */
static dev_t make(int control, const char *name, uint64_t sectors, const struct request *wanted)
{
    struct request request = {0};
    ask(control, DM_DEV_CREATE, &request, 0, name);
    request = *wanted;
    request.target.length = sectors;
    ask(control, DM_TABLE_LOAD, &request, DM_READONLY_FLAG, name);
    memset(&request, 0, sizeof request);
    ask(control, DM_DEV_SUSPEND, &request, DM_READONLY_FLAG, name); /* without DM_SUSPEND_FLAG, it resumes */
    return (dev_t)request.head.dev;
}

static void name_devices(int number, char *verified, char *below, size_t size)
{
    snprintf(verified, size, "claylinux-layer-%d", number);
    snprintf(below, size, "claylinux-layer-%d-on-disk", number);
}

static int open_control(void)
{
    int control = open(CONTROL, O_RDWR | O_CLOEXEC);
    if (control < 0)
        fail("cannot open " CONTROL " (the kernel may not support the device mapper)");
    return control;
}

int mapper_open(const struct verified *part, int number, char *device, size_t size)
{
    char verified[64], on_disk[64];
    struct request linear = {.target.target_type = "linear"}, verity = {.target.target_type = "verity"};
    int control = open_control();
    name_devices(number, verified, on_disk, sizeof verified);
    snprintf(linear.parameters, sizeof linear.parameters, "%s %" PRIu64, part->disk, part->position / SECTOR);
    dev_t below = make(control, on_disk, (part->size + part->tree) / SECTOR, &linear);
    /* Data that is not verified is an error for whoever reads it: not the end of the machine, which may have other
     * things to do, such as telling. */
    snprintf(verity.parameters, sizeof verity.parameters, "1 %u:%u %u:%u %d %d %" PRIu64 " %" PRIu64 " sha256 %s -",
             major(below), minor(below), major(below), minor(below), BLOCK, BLOCK, part->size / BLOCK,
             part->size / BLOCK, part->root);
    dev_t made = make(control, verified, part->size / SECTOR, &verity);
    close(control);
    snprintf(device, size, "/dev/dm-%u", minor(made));
    int block = open(device, O_RDONLY | O_CLOEXEC);
    if (block < 0)
        fail("cannot open %s for layer %d", device, number);
    return block;
}

void mapper_close(int number)
{
    char verified[64], on_disk[64];
    int control = open_control();
    name_devices(number, verified, on_disk, sizeof verified);
    for (int i = 0; i < 2; i++) { /* the one above first: it has the other one open */
        struct request request = {0};
        ask(control, DM_DEV_REMOVE, &request, 0, i ? on_disk : verified);
    }
    close(control);
}
