#define _GNU_SOURCE
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

#define MIB (UINT64_C(1) << 20)
#define REST (64 * MIB) /* for the kernel and the first programs: with less, it kills init, which is a panic */

static char buffer[1 << 20];

static uint64_t size_of(int device, int number)
{
    uint64_t size = 0;
    if (ioctl(device, (int)BLKGETSIZE64, &size) < 0)
        fail("cannot tell the size of layer %d", number);
    return size;
}

/* Files of an initramfs have no limit: without this, the kernel would end everything. */
static void need_memory(uint64_t size)
{
    struct sysinfo info;
    if (sysinfo(&info) < 0)
        fail("cannot tell how much memory is free");
    uint64_t free = (uint64_t)info.freeram * info.mem_unit;
    if (free >= size + REST)
        return;
    errno = 0;
    fail("too little memory to copy the system there: the next layer has %" PRIu64 " MiB, and %" PRIu64 " MiB are free: "
         "give the machine more memory, or build without rootfs.copy", size / MIB, free / MIB);
}

void copy_layer(int device, int number, const char *path)
{
    uint64_t size = size_of(device, number), done = 0;
    need_memory(size);
    debug("copying layer %d, %" PRIu64 " MiB", number, size / MIB);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        fail("cannot create %s", path);
    time_t told = time(NULL);
    while (done < size) {
        ssize_t length = read(device, buffer, sizeof buffer);
        if (length <= 0) {
            errno = 0;
            fail("cannot copy layer %d to memory: it is damaged, or its disk is; the kernel's reason is above", number);
        }
        if (write(file, buffer, (size_t)length) != length)
            fail("cannot copy layer %d to memory", number);
        posix_fadvise(device, (off_t)done, length, POSIX_FADV_DONTNEED); /* each byte is there once */
        done += (uint64_t)length;
        if (time(NULL) - told >= SILENCE) {
            told = time(NULL);
            say("copying layer %d to memory: %" PRIu64 " of %" PRIu64 " MiB", number, done / MIB, size / MIB);
        }
    }
    close(file);
}
