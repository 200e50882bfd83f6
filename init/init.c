/* PID 1 of the initramfs: it finishes the unpacked system and hands over to the OS's own init.
 *
 *   1. mount /dev and /proc, read the command line
 *   2. restore the extended attributes that cpio cannot carry
 *   3. remove what is ours from the tree
 *   4. make the tree a mount of its own (root.h)
 *   5. run init
 *
 * Command line: init=PATH, claylinux.debug, claylinux.on_failure=reboot|poweroff|shell.
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
#include "message.h"
#include "root.h"
#include "xattrs.h"

#define OURS "/.claylinux"

static void mount_early(void)
{
    if (mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0 && errno != EBUSY)
        fail("cannot mount devtmpfs on /dev");
    /* The kernel opened the console for us only if the archive had one: make sure of all three. */
    int console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        for (int fd = 0; fd < 3; fd++)
            dup2(console, fd);
        if (console > 2)
            close(console);
    }
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        fail("cannot mount proc on /proc");
    cmdline_read();
    umount("/proc"); /* the OS mounts its own */
}

static void remove_ours(void)
{
    unlink("/init");
    if (rename(OURS "/init.system", "/init") < 0 && errno != ENOENT)
        say("cannot put the system's own /init back: %s", strerror(errno));
    unlink(OURS "/xattrs");
    if (rmdir(OURS) < 0 && errno != ENOENT)
        say("cannot remove " OURS ": %s", strerror(errno));
}

static void explain_exec(const char *path)
{
    int error = errno;
    if (error == ENOENT && access(path, F_OK) == 0)
        say("%s is there, but the program loader that it names is not", path);
    else if (error == ENOEXEC)
        say("%s is no program for this machine", path);
    else if (error != ENOENT)
        say("cannot run %s: %s", path, strerror(error));
}

static void run_init(char **arguments)
{
    static const char *const usual[] = {
        "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd",
    };
    const char *wish = cmdline_value("init");
    if (wish) {
        arguments[0] = (char *)wish;
        execv(wish, arguments);
        explain_exec(wish);
        errno = 0;
        fail("cannot run init=%s", wish);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        debug("running %s", usual[i]);
        arguments[0] = (char *)usual[i];
        execv(usual[i], arguments);
        explain_exec(usual[i]);
    }
    errno = 0;
    fail("this system has no init that runs (/sbin/init); if the kernel said \"Initramfs unpacking failed\" above, "
         "the machine has too little memory for it");
}

int main(int count, char **arguments)
{
    (void)count;
    if (getpid() != 1) {
        fputs("This is PID 1 of a Claylinux image; it does nothing else.\n", stderr);
        return 2;
    }
    mount_early();
    debug("restoring extended attributes");
    xattrs_restore(OURS "/xattrs");
    remove_ours();
    debug("switching the root");
    root_switch();
    run_init(arguments);
}
