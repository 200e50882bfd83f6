#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "message.h"

/* For linux/loop.h from before Linux 5.8. */
#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
    __u32 fd;
    __u32 block_size;
    struct loop_info64 info;
    __u64 __reserved[8];
};
#endif

static int attach(int device, int file)
{
    struct loop_config config = {
        .fd = (__u32)file,
        .info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR},
    };
    if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOTTY && errno != ENOSYS)
        return -1;
    if (ioctl(device, LOOP_SET_FD, file) < 0) /* kernels before 5.8 */
        return -1;
    return ioctl(device, LOOP_SET_STATUS64, &config.info);
}

int loop_attach(const char *path, char *device, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail("cannot open the layer %s", path);
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        fail("cannot open /dev/loop-control (the kernel may not support loop devices)");
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0)
        fail("cannot get a free loop device for the layer %s", path);
    close(control);
    snprintf(device, size, "/dev/loop%d", number);
    int block = open(device, O_RDONLY | O_CLOEXEC);
    if (block < 0)
        fail("cannot open %s for the layer %s", device, path);
    if (attach(block, file) < 0)
        fail("cannot attach the layer %s to %s", path, device);
    close(file);
    return block;
}
