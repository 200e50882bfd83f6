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
#include "loop.h"
#include "message.h"
#include "modules.h"
#include "xattrs.h"

#define OURS "/.claylinux"
#define LAYERS OURS "/layers"
#define COUNT LAYERS "/count"
#define MODULES OURS "/modules"
#define CHANGES OURS "/changes"
#define ROOT OURS "/root"
#define MOST 64 /* layers; overlayfs takes 500 */

static int count;
static int attributes[MOST]; /* open lists: their paths are out of reach when the root is another */

bool layers_are_there(void)
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
    if (found < 1 || found > MOST) {
        errno = 0;
        fail(COUNT " is damaged: it says %d", found);
    }
    return found;
}

/* The list of attributes is the last file of every layer's archive. */
static void open_attributes(int number)
{
    char path[64];
    snprintf(path, sizeof path, LAYERS "/%d.xattrs", number);
    attributes[number] = open(path, O_RDONLY | O_CLOEXEC);
    if (attributes[number] >= 0)
        return;
    errno = 0;
    fail("layer %d of the system was not unpacked whole, mostly for want of memory: give the machine more; "
         "the kernel's reason stands above, after \"Initramfs unpacking failed\"", number);
}

static void mount_layer(int number)
{
    char file[64], folder[64], device[32];
    snprintf(file, sizeof file, LAYERS "/%d.img", number);
    snprintf(folder, sizeof folder, LAYERS "/%d", number);
    int block = loop_attach(file, device, sizeof device);
    if (mkdir(folder, 0700) < 0)
        fail("cannot make %s", folder);
    if (mount(device, folder, "squashfs", MS_RDONLY, NULL) < 0) {
        int error = errno;
        errno = 0;
        if (error == ENODEV)
            fail("cannot mount layer %d: this kernel has no squashfs", number);
        if (error == EINVAL || error == EIO)
            fail("cannot mount layer %d: it is damaged, or this kernel cannot decompress it; "
                 "the kernel's reason stands above", number);
        errno = error;
        fail("cannot mount layer %d", number);
    }
    close(block);
    unlink(file); /* the mount keeps its data */
    /* Nobody can detach it: without the node, systemd-shutdown does not try, and does not complain. */
    unlink(device);
}

static void mount_changes(void)
{
    const char *wish = cmdline_value("claylinux.tmpfs");
    char options[64];
    snprintf(options, sizeof options, "mode=0700,size=%s", wish ? wish : "50%");
    mkdir(CHANGES, 0700);
    if (mount("tmpfs", CHANGES, "tmpfs", 0, options) < 0)
        fail("cannot mount a tmpfs for changes (%s)", options);
    if (mkdir(CHANGES "/upper", 0755) < 0 || mkdir(CHANGES "/work", 0700) < 0)
        fail("cannot make the folders of " CHANGES);
}

/* The root of the tree takes mode, owner and time from the topmost folder: make that like the layer's. */
static void dress_upper(int top)
{
    char folder[64];
    struct stat info;
    snprintf(folder, sizeof folder, LAYERS "/%d", top);
    if (stat(folder, &info) < 0 || chown(CHANGES "/upper", info.st_uid, info.st_gid) < 0 ||
        chmod(CHANGES "/upper", info.st_mode & 07777) < 0)
        fail("cannot give the root the mode and owner that it has in the system");
    struct timespec times[2] = {info.st_atim, info.st_mtim};
    utimensat(AT_FDCWD, CHANGES "/upper", times, 0);
}

static void mount_overlay(void)
{
    static char options[MOST * 32 + 128];
    char *end = options;
    end += sprintf(end, "upperdir=" CHANGES "/upper,workdir=" CHANGES "/work,xino=on,lowerdir=");
    for (int number = count - 1; number >= 0; number--)
        end += sprintf(end, LAYERS "/%d%s", number, number ? ":" : "");
    mkdir(ROOT, 0700);
    if (mount("overlay", ROOT, "overlay", 0, options) < 0) {
        int error = errno;
        errno = error == ENODEV ? 0 : error;
        fail(error == ENODEV ? "cannot join the layers: this kernel has no overlay" : "cannot join the layers");
    }
}

const char *layers_mount(void)
{
    count = count_layers();
    for (int number = 0; number < count; number++)
        open_attributes(number);
    modules_load(MODULES);
    for (int number = 0; number < count; number++)
        mount_layer(number);
    mount_changes();
    dress_upper(count - 1);
    mount_overlay();
    /* The overlay has mounts of its own of all of them. */
    for (int number = 0; number < count; number++) {
        char folder[64];
        snprintf(folder, sizeof folder, LAYERS "/%d", number);
        umount2(folder, MNT_DETACH);
    }
    umount2(CHANGES, MNT_DETACH);
    return ROOT;
}

void layers_finish(void)
{
    for (int number = 0; number < count; number++)
        xattrs_restore(attributes[number]);
}
