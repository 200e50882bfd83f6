#define _GNU_SOURCE
#include "layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmdline.h"
#include "copy.h"
#include "disk.h"
#include "loop.h"
#include "message.h"
#include "modules.h"
#include "sparse.h"
#include "xattrs.h"

#define OURS "/.claylinux"
#define LAYERS OURS "/layers"
#define COUNT LAYERS "/count"
#define MODULES OURS "/modules"
#define CHANGES OURS "/changes"
#define ROOT OURS "/root"
#define MAX_LAYERS 64 /* overlayfs supports 500 */

static int count;
static int holes; /* an open list, of the topmost layer, or -1 */
static int attributes[MAX_LAYERS]; /* open lists: after the switch of the root, their paths are unreachable */

bool layers_exist(void)
{
    return access(COUNT, F_OK) == 0;
}

static int count_layers(void)
{
    char text[16] = "";
    int file = open(COUNT, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) < 0)
        fail("cannot read " COUNT);
    close(file);
    int found = atoi(text);
    if (found < 1 || found > MAX_LAYERS) {
        errno = 0;
        fail(COUNT " is damaged: expected 1 to %d layers, got %d", MAX_LAYERS, found);
    }
    return found;
}

/* The list of attributes is the last file in the archive of each layer. */
static void open_attributes(int number)
{
    char path[64];
    snprintf(path, sizeof path, LAYERS "/%d.xattrs", number);
    attributes[number] = open(path, O_RDONLY | O_CLOEXEC);
    if (attributes[number] >= 0)
        return;
    errno = 0;
    fail("the kernel did not unpack all of layer %d, usually because of too little memory: give the machine more "
         "memory; the kernel's reason is above, after \"Initramfs unpacking failed\"", number);
}

/* Return the opened block device with a layer, and its path. */
static int open_layer(int number, char *device, size_t size)
{
    char file[64];
    snprintf(file, sizeof file, LAYERS "/%d.img", number);
    if (disk_has_layers()) {
        int on_disk = disk_open_layer(number, device, size);
        if (!disk_is_copied())
            return on_disk;
        copy_layer(on_disk, number, file);
        close(on_disk);
        disk_close_layer(number);
    }
    int block = loop_attach(file, device, size);
    unlink(file); /* the device keeps the data */
    return block;
}

static void mount_layer(int number)
{
    char directory[64], device[32];
    snprintf(directory, sizeof directory, LAYERS "/%d", number);
    int block = open_layer(number, device, sizeof device);
    if (mkdir(directory, 0700) < 0)
        fail("cannot create %s", directory);
    if (mount(device, directory, "squashfs", MS_RDONLY, NULL) < 0) {
        int error = errno;
        errno = 0;
        if (error == ENODEV)
            fail("cannot mount layer %d: the kernel does not support squashfs", number);
        if (error == EINVAL || error == EIO)
            fail("cannot mount layer %d: it is damaged, or the kernel does not support its compression; "
                 "the kernel's reason is above", number);
        errno = error;
        fail("cannot mount layer %d", number);
    }
    close(block);
    /* Nothing can detach the device. Without its node, systemd-shutdown does not try to detach a loop device, and does not
     * complain. It does of one of the device mapper, which it finds in any case. */
    unlink(device);
}

static void mount_changes(void)
{
    const char *requested = cmdline_value("claylinux.tmpfs");
    char options[64];
    snprintf(options, sizeof options, "mode=0700,size=%s", requested ? requested : "50%");
    mkdir(CHANGES, 0700);
    if (mount("tmpfs", CHANGES, "tmpfs", 0, options) < 0)
        fail("cannot mount a tmpfs for changes (%s)", options);
    if (mkdir(CHANGES "/upper", 0755) < 0 || mkdir(CHANGES "/work", 0700) < 0)
        fail("cannot create directories in " CHANGES);
}

/* The root of an overlay takes mode, owner and time from the topmost directory: copy them from the topmost layer. */
static void copy_root_status(int top)
{
    char directory[64];
    struct stat info;
    snprintf(directory, sizeof directory, LAYERS "/%d", top);
    if (stat(directory, &info) < 0 || chown(CHANGES "/upper", info.st_uid, info.st_gid) < 0 ||
        chmod(CHANGES "/upper", info.st_mode & 07777) < 0)
        fail("cannot set the mode and owner of the root directory");
    struct timespec times[2] = {info.st_atim, info.st_mtim};
    utimensat(AT_FDCWD, CHANGES "/upper", times, 0);
}

static void mount_overlay(void)
{
    static char options[MAX_LAYERS * 32 + 128];
    char *end = options;
    end += sprintf(end, "upperdir=" CHANGES "/upper,workdir=" CHANGES "/work,xino=on,lowerdir=");
    for (int number = count - 1; number >= 0; number--)
        end += sprintf(end, LAYERS "/%d%s", number, number ? ":" : "");
    mkdir(ROOT, 0700);
    if (mount("overlay", ROOT, "overlay", 0, options) < 0) {
        int error = errno;
        errno = error == ENODEV ? 0 : error;
        fail(error == ENODEV ? "cannot mount the layers as an overlay: the kernel does not support overlayfs"
                             : "cannot mount the layers as an overlay");
    }
}

const char *layers_mount(void)
{
    count = count_layers();
    for (int number = 0; number < count; number++)
        open_attributes(number);
    char path[64];
    snprintf(path, sizeof path, LAYERS "/%d.sparse", count - 1);
    holes = open(path, O_RDONLY | O_CLOEXEC);
    modules_load(MODULES);
    if (disk_has_layers())
        disk_find(count);
    for (int number = 0; number < count; number++)
        mount_layer(number);
    mount_changes();
    copy_root_status(count - 1);
    mount_overlay();
    /* The overlay has its own references to all of these mounts. */
    for (int number = 0; number < count; number++) {
        char directory[64];
        snprintf(directory, sizeof directory, LAYERS "/%d", number);
        umount2(directory, MNT_DETACH);
    }
    umount2(CHANGES, MNT_DETACH);
    return ROOT;
}

void layers_finish(void)
{
    sparse_restore(holes);
    for (int number = 0; number < count; number++)
        xattrs_restore(attributes[number]);
}
