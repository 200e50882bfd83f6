/* PID 1 of the initramfs: it finishes the unpacked system and hands over to the OS's own init.
 *
 *   1. read the command line, mount /dev; if the image is signed, take only the signed command line (signed.h)
 *   2. in tmpfs mode: delete files that stages removed, restore the extended attributes that cpio cannot carry, delete
 *      our own files
 *      in overlay mode: load modules, mount the layers with a tmpfs on top (layers.h)
 *   3. make the tree the root (root.h)
 *   4. run the OS's init
 *
 * Command line: init=PATH, claylinux.debug, claylinux.on_failure=reboot|poweroff|shell, and in overlay mode
 * claylinux.tmpfs=SIZE: the size limit for changes, in the format of tmpfs(5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmdline.h"
#include "layers.h"
#include "message.h"
#include "root.h"
#include "signed.h"
#include "sparse.h"
#include "stages.h"
#include "xattrs.h"

#define OURS "/.claylinux"

/* Comes first, because the command line decides what happens after a failure. */
static void read_command_line(void)
{
    mkdir("/proc", 0555); /* archives from the imager contain it */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        fail("cannot mount proc on /proc");
    cmdline_read(signed_command_line());
    umount("/proc"); /* the OS mounts its own */
}

static void mount_dev(void)
{
    mkdir("/dev", 0755);
    if (mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0 && errno != EBUSY)
        fail("cannot mount devtmpfs on /dev");
    /* The kernel opens the console for us only if the archive contains one: make sure that all three are open. */
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0) /* some machines have none, but no other file must get descriptors 0 to 2 */
        console = open("/dev/null", O_RDWR);
    if (console >= 0) {
        for (int fd = 0; fd < 3; fd++)
            dup2(console, fd);
        if (console > 2)
            close(console);
    }
}

static void remove_ours(void)
{
    unlink("/init");
    if (rename(OURS "/init.system", "/init") < 0 && errno != ENOENT)
        say("cannot restore the system's own /init: %s", strerror(errno));
    unlink(OURS "/removed");
    unlink(OURS "/sparse");
    unlink(OURS "/times");
    unlink(OURS "/xattrs");
    if (rmdir(OURS) < 0 && errno != ENOENT)
        say("cannot remove " OURS ": %s", strerror(errno));
}

static void start_unpacked(void)
{
    int attributes = open(OURS "/xattrs", O_RDONLY | O_CLOEXEC);
    if (attributes < 0) {
        errno = 0;
        fail("the kernel did not unpack the whole system, usually because of too little memory: give the machine more "
             "memory; the kernel's reason is above, after \"Initramfs unpacking failed\"");
    }
    int removed = open(OURS "/removed", O_RDONLY | O_CLOEXEC);
    int times = open(OURS "/times", O_RDONLY | O_CLOEXEC);
    debug("deleting files that later stages of the system removed");
    stages_remove(removed);
    debug("restoring files with holes");
    sparse_restore(open(OURS "/sparse", O_RDONLY | O_CLOEXEC)); /* first: to write to a file removes attributes */
    debug("restoring extended attributes");
    xattrs_restore(attributes);
    remove_ours();
    stages_set_times(times);
    debug("switching the root");
    root_switch(root_bind());
}

static void start_layers(void)
{
    struct stat info;
    int initramfs = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (initramfs < 0 || fstat(initramfs, &info) < 0)
        fail("cannot open the initramfs");
    debug("mounting the layers");
    const char *tree = layers_mount();
    debug("switching the root");
    root_switch(tree);
    layers_finish();
    root_empty(initramfs, info.st_dev);
}

/* Become `path`. Returns only if it does not exist; if it exists but cannot run, this fails. */
static void run(const char *path, char **arguments)
{
    debug("running %s", path);
    arguments[0] = (char *)path;
    execv(path, arguments);
    int error = errno;
    if (access(path, F_OK) < 0)
        return;
    errno = 0;
    if (error == ENOENT)
        fail("cannot run %s: the system lacks its interpreter or program loader", path);
    if (error == ENOEXEC)
        fail("cannot run %s: it is not a program for this machine's processor", path);
    errno = error;
    fail("cannot run %s", path);
}

static void run_init(char **arguments)
{
    static const char *const usual[] = {
        "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd",
    };
    const char *requested = cmdline_value("init");
    if (requested) {
        run(requested, arguments);
        errno = 0;
        fail("the command line has init=%s, but the system has no such file", requested);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        run(usual[i], arguments);
    errno = 0;
    fail("the system has no init, neither /sbin/init nor systemd: "
         "install one, or add init=PATH to the command line to run another program");
}

int main(int count, char **arguments)
{
    (void)count;
    if (getpid() != 1) {
        fputs("This program only works as PID 1 of a Claylinux image.\n", stderr);
        return 2;
    }
    signed_read();
    read_command_line();
    mount_dev();
    signed_check();
    if (layers_exist())
        start_layers();
    else
        start_unpacked();
    signed_publish();
    run_init(arguments);
}
