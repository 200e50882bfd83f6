/* PID 1 of the initramfs: it finishes the unpacked system and hands over to the OS's own init.
 *
 *   1. read the command line, mount /dev
 *   2. an unpacked system: remove what stages removed, restore the extended attributes that cpio cannot carry,
 *      remove what is ours
 *      a system of layers: load modules, mount the layers with a tmpfs on top (layers.h)
 *   3. make the tree the root (root.h)
 *   4. run init
 *
 * Command line: init=PATH, claylinux.debug, claylinux.on_failure=reboot|poweroff|shell, and in a system of layers
 * claylinux.tmpfs=SIZE: the most that changes can take, in tmpfs(5)'s words.
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
#include "sparse.h"
#include "stages.h"
#include "xattrs.h"

#define OURS "/.claylinux"

/* First of all, for it says what to do when something fails. */
static void read_command_line(void)
{
    mkdir("/proc", 0555); /* archives of the imager have it */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        fail("cannot mount proc on /proc");
    cmdline_read();
    umount("/proc"); /* the OS mounts its own */
}

static void mount_dev(void)
{
    mkdir("/dev", 0755);
    if (mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0 && errno != EBUSY)
        fail("cannot mount devtmpfs on /dev");
    /* The kernel opened the console for us only if the archive had one: make sure of all three. */
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0) /* a machine may have none; descriptors 0 to 2 must not end up as something else */
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
        say("cannot put the system's own /init back: %s", strerror(errno));
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
        fail("the system was not unpacked whole, mostly for want of memory: give the machine more; "
             "the kernel's reason stands above, after \"Initramfs unpacking failed\"");
    }
    int removed = open(OURS "/removed", O_RDONLY | O_CLOEXEC);
    int times = open(OURS "/times", O_RDONLY | O_CLOEXEC);
    debug("removing what later stages of the system removed");
    stages_remove(removed);
    debug("restoring files with holes");
    sparse_restore(open(OURS "/sparse", O_RDONLY | O_CLOEXEC)); /* first: to write to a file removes attributes */
    debug("restoring extended attributes");
    xattrs_restore(attributes);
    remove_ours();
    stages_date(times);
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

/* Become `path`. Returns only when it is not there; when it is but cannot run, that is the end. */
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
        fail("cannot run %s: the interpreter or program loader that it names is not in this system", path);
    if (error == ENOEXEC)
        fail("cannot run %s: it is no program for this machine's processor", path);
    errno = error;
    fail("cannot run %s", path);
}

static void run_init(char **arguments)
{
    static const char *const usual[] = {
        "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd",
    };
    const char *wish = cmdline_value("init");
    if (wish) {
        run(wish, arguments);
        errno = 0;
        fail("the command line asks for init=%s, but that is not in this system", wish);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        run(usual[i], arguments);
    errno = 0;
    fail("this system has no init: there is neither /sbin/init nor systemd; "
         "init=PATH on the command line names another program");
}

int main(int count, char **arguments)
{
    (void)count;
    if (getpid() != 1) {
        fputs("This is PID 1 of a Claylinux image; it does nothing else.\n", stderr);
        return 2;
    }
    read_command_line();
    mount_dev();
    if (layers_are_there())
        start_layers();
    else
        start_unpacked();
    run_init(arguments);
}
