#define _GNU_SOURCE
#include "sparse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listing.h"
#include "message.h"

#define NUMBER 8              /* bytes of a number in the list */
#define PIECE (1 << 20)       /* bytes that are moved at once; ranges start at multiples of it */

static char piece[PIECE];

static uint64_t number_at(const char *bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < NUMBER; i++)
        number |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
    return number;
}

static int transfer(int file, uint64_t at, size_t length, int writing)
{
    for (size_t done = 0; done < length;) {
        off_t place = (off_t)(at + done);
        ssize_t count = writing ? pwrite(file, piece + done, length - done, place)
                                : pread(file, piece + done, length - done, place);
        if (count <= 0) {
            errno = count ? errno : EIO;
            return -1;
        }
        done += (size_t)count;
    }
    return 0;
}

/* Free what is in the file between `from` and `to`; a ramfs has no other way than zeros. */
static int clear(int file, uint64_t from, uint64_t to)
{
    if (from >= to || fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) == 0)
        return 0;
    memset(piece, 0, sizeof piece);
    return transfer(file, from, (size_t)(to - from), 1);
}

/* Move bytes to a later place, the last ones first: they may overlap. What they leave becomes a hole at once, so that
 * memory never holds them twice. */
static int move(int file, uint64_t from, uint64_t to, uint64_t length)
{
    while (from != to && length) {
        size_t count = length % PIECE ? (size_t)(length % PIECE) : PIECE;
        length -= count;
        uint64_t end = from + length + count;
        if (transfer(file, from + length, count, 0) < 0 || transfer(file, to + length, count, 1) < 0 ||
            clear(file, from + length, end < to + length ? end : to + length) < 0)
            return -1;
    }
    return 0;
}

static int restore(int file, uint64_t size, const char *ranges, uint64_t count)
{
    struct stat info;
    uint64_t packed = 0;
    for (uint64_t i = 0; i < count; i++)
        packed += number_at(ranges + (2 * i + 1) * NUMBER);
    if (fstat(file, &info) < 0)
        return -1;
    if ((uint64_t)info.st_size == size)
        return 0; /* done under another name */
    if ((uint64_t)info.st_size != packed || !S_ISREG(info.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    if (ftruncate(file, (off_t)size) < 0)
        return -1;
    /* From the end: a range never moves forward, and those before it are still where they were. */
    for (uint64_t i = count; i-- > 0;) {
        uint64_t start = number_at(ranges + 2 * i * NUMBER), length = number_at(ranges + (2 * i + 1) * NUMBER);
        packed -= length;
        if (start < packed || length > size || start > size - length) {
            errno = EINVAL;
            return -1;
        }
        if (move(file, packed, start, length) < 0)
            return -1;
    }
    struct timespec times[2] = {info.st_atim, info.st_mtim};
    return futimens(file, times);
}

void sparse_restore(int list_file)
{
    struct listing list;
    uint64_t size, count;
    const char *path;
    listing_open(&list, list_file, "files with holes");
    while ((path = listing_text(&list)) && listing_number(&list, NUMBER, &size) &&
           listing_number(&list, NUMBER, &count)) {
        uint64_t most = (uint64_t)(list.end - list.at) / (2 * NUMBER);
        const char *ranges = count <= most ? listing_bytes(&list, count * 2 * NUMBER) : NULL;
        if (!ranges) {
            say("the list of files with holes is cut short: %s and those after it are damaged", path);
            break;
        }
        int file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0 || restore(file, size, ranges, count) < 0)
            say("cannot restore the holes of %s, which is damaged now: %s", path, strerror(errno));
        if (file >= 0)
            close(file);
    }
    listing_close(&list);
}
