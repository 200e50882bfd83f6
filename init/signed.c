#define _GNU_SOURCE
#include "signed.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmdline.h"
#include "listing.h"
#include "message.h"
#include "root.h"

#define FILE_NAME "/.claylinux/signed"
/* systemd-stub puts there what it finds beside itself, signed or not, and the measurements that were signed. */
#define EXTRA "/.extra"

static const char *command_line, *sentence, *record;

/* What the system gets of EXTRA: open files, or -1. Nothing but a section of the signed program is under these names. */
static struct {
    const char *name, *target;
    int file;
} kept[] = {
    {EXTRA "/tpm2-pcr-signature.json", "/run/systemd/tpm2-pcr-signature.json", -1},
    {EXTRA "/tpm2-pcr-public-key.pem", "/run/systemd/tpm2-pcr-public-key.pem", -1},
};

void signed_read(void)
{
    static struct listing list; /* stays open: the texts are in it */
    int file = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    listing_open(&list, file, "the signed command line");
    command_line = listing_text(&list);
    sentence = listing_text(&list);
    record = listing_text(&list);
    unlink(FILE_NAME);
    if (record)
        return;
    command_line = ""; /* and no other one is right */
    sentence = "signed, but " FILE_NAME " is damaged";
    record = "";
}

const char *signed_command_line(void)
{
    return command_line;
}

static void drop_extra(void)
{
    struct stat info;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        kept[i].file = open(kept[i].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int directory = open(EXTRA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return;
    if (fstat(directory, &info) == 0)
        root_empty(directory, info.st_dev);
    rmdir(EXTRA);
}

void signed_check(void)
{
    if (!command_line)
        return;
    say("%s", sentence);
    drop_extra();
    const char *difference = cmdline_difference();
    if (!difference)
        return;
    errno = 0;
    fail("the command line is not the signed one: they differ at \"%s\". Nothing outside of a signed image may change "
         "its command line: look for SMBIOS strings, addons and load options", difference);
}

static void write_file(const char *path, const char *data, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        say("cannot write %s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
}

static void publish_kept(int file, const char *target)
{
    static char data[1 << 16];
    if (file < 0)
        return;
    ssize_t size = read(file, data, sizeof data);
    close(file);
    mkdir("/run/systemd", 0755);
    if (size > 0)
        write_file(target, data, (size_t)size);
}

void signed_publish(void)
{
    if (!command_line)
        return;
    /* As systemd and OpenRC mount it; they leave it alone if it is mounted. */
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=0755,size=20%,nr_inodes=800k") < 0)
        say("cannot mount a tmpfs on /run: %s", strerror(errno));
    mkdir("/run/claylinux", 0755);
    write_file("/run/claylinux/signer.json", record, strlen(record));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        publish_kept(kept[i].file, kept[i].target);
}
