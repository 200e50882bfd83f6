/* PID 1 of a guest that describes its whole tree: tests/support/manifest.py computes the same on the host.
 *
 * Every path has a record, one line of printable ASCII, and a digest: the CRC-32 of its record, a newline, and for
 * each entry of a directory, sorted by bytes, its name, a space, its digest in hexadecimal and a newline.
 *
 *   TYPE MODE UID GID MTIME.NANOSECONDS [values of the type] [NAME:LENGTH:CRC-32 of each attribute]
 *   f  SIZE CRC-32, and for a file with several names link=PATH, the first of them
 *   l  TARGET
 *   c, b  MAJOR:MINOR
 *
 * It prints `top DIGEST NAME` for each entry of /, and `total DIGEST PATHS`, then obeys commands on its console:
 *
 *   list NUMBER    `entry NUMBER DIGEST NAME` for each entry of a directory (the number of / is 0), then `listed`
 *   show NUMBER    `record NUMBER RECORD`
 *   tail PATH      `tail SIZE HEX`: the last 16 bytes of a file
 *   off
 *
 * It skips /dev, another file system. Of files larger than 16 MiB, only the first and the last 64 KiB count.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WHOLE (16 << 20)
#define EDGE (64 << 10)
#define SLOTS (1 << 19) /* a power of two larger than the number of files */

struct node {
    struct node *parent, **children, *same; /* same: the first name of the same file */
    char *name, *record;
    size_t count;
    unsigned number;
    int names;
    dev_t dev;
    ino_t ino;
    uint32_t digest;
};

static struct node **all, *slots[SLOTS];
static unsigned paths;
static uint32_t table[256];

static void crc_prepare(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        table[n] = n;
        for (int bit = 0; bit < 8; bit++)
            table[n] = table[n] & 1 ? table[n] >> 1 ^ 0xEDB88320u : table[n] >> 1;
    }
}

static uint32_t crc(uint32_t before, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    before = ~before;
    while (size--)
        before = before >> 8 ^ table[(before ^ *bytes++) & 255];
    return ~before;
}

static void give_up(const char *what, const char *path)
{
    printf("manifest: %s %s: %m\n", what, path);
    fflush(stdout);
    reboot(RB_POWER_OFF);
    _exit(1);
}

/* Add printable text; other characters, spaces and backslashes become \xNN. */
static void escape(FILE *to, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        fprintf(to, *at <= ' ' || *at > '~' || *at == '\\' ? "\\x%02x" : "%c", *at);
}

static uint32_t content(const char *path, off_t size)
{
    static char buffer[1 << 20];
    uint32_t sum = 0;
    int file = open(path, O_RDONLY | O_NOFOLLOW);
    if (file < 0)
        give_up("cannot open", path);
    off_t at = 0;
    while (at < size) {
        if (size > WHOLE && at == EDGE)
            at = size - EDGE;
        size_t wanted = size > WHOLE ? EDGE : sizeof buffer;
        ssize_t got = pread(file, buffer, wanted, at);
        if (got <= 0 || (size > WHOLE && got != EDGE))
            give_up("cannot read", path);
        sum = crc(sum, buffer, (size_t)got);
        at += got;
    }
    close(file);
    return sum;
}

static int by_bytes(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void add_attributes(FILE *to, const char *path)
{
    static char names[65536], value[65536];
    char *sorted[512];
    size_t count = 0;
    ssize_t length = llistxattr(path, names, sizeof names);
    for (ssize_t at = 0; at < length && count < 512; at += (ssize_t)strlen(names + at) + 1)
        sorted[count++] = names + at;
    qsort(sorted, count, sizeof *sorted, by_bytes);
    for (size_t i = 0; i < count; i++) {
        ssize_t size = lgetxattr(path, sorted[i], value, sizeof value);
        if (size < 0)
            give_up(sorted[i], path);
        fputc(' ', to);
        escape(to, sorted[i]);
        fprintf(to, ":%zd:%08x", size, crc(0, value, (size_t)size));
    }
}

static void add_kind(FILE *to, const char *path, const struct stat *info)
{
    if (S_ISREG(info->st_mode))
        fprintf(to, " %lld %08x", (long long)info->st_size, content(path, info->st_size));
    if (S_ISCHR(info->st_mode) || S_ISBLK(info->st_mode))
        fprintf(to, " %u:%u", major(info->st_rdev), minor(info->st_rdev));
    if (S_ISLNK(info->st_mode)) {
        char target[8192];
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        fputc(' ', to);
        escape(to, target);
    }
}

static char kind(mode_t mode)
{
    return "?pc?d?b?f?l?s???"[mode >> 12 & 15];
}

/* Find the first name of the same file. */
static void join(struct node *node)
{
    uint64_t hash = (node->ino * 0x9E3779B97F4A7C15u + node->dev) >> 20;
    for (;; hash++) {
        struct node **slot = &slots[hash & (SLOTS - 1)];
        if (!*slot)
            *slot = node;
        if ((*slot)->ino == node->ino && (*slot)->dev == node->dev) {
            node->same = *slot;
            node->same->names++;
            return;
        }
    }
}

static struct node *make(struct node *parent, const char *name, const char *path, const struct stat *info)
{
    struct node *node = calloc(1, sizeof *node);
    size_t size;
    FILE *to = open_memstream(&node->record, &size);
    node->parent = parent;
    node->name = strdup(name);
    node->number = paths++;
    if (!(node->number & (node->number - 1))) /* grow at powers of two */
        all = realloc(all, sizeof *all * (node->number ? node->number * 2 : 1));
    all[node->number] = node;
    fprintf(to, "%c %o %u %u %lld.%ld", kind(info->st_mode), info->st_mode & 07777, info->st_uid, info->st_gid,
            (long long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec);
    add_kind(to, path, info);
    add_attributes(to, path);
    fclose(to);
    node->dev = info->st_dev;
    node->ino = info->st_ino;
    if (S_ISREG(info->st_mode))
        join(node);
    return node;
}

static char **names_in(const char *path, size_t *count)
{
    DIR *listing = opendir(path);
    char **names = NULL;
    if (!listing)
        give_up("cannot list", path);
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!(*count & (*count - 1)))
            names = realloc(names, sizeof *names * (*count ? *count * 2 : 1));
        names[(*count)++] = strdup(entry->d_name);
    }
    closedir(listing);
    qsort(names, *count, sizeof *names, by_bytes);
    return names;
}

/* `path` has `length` bytes, and room for more; it is empty for the root. */
static struct node *walk(struct node *parent, const char *name, char *path, size_t length)
{
    struct stat info;
    if (lstat(length ? path : "/", &info) < 0)
        give_up("cannot look at", path);
    struct node *node = make(parent, name, length ? path : "/", &info);
    if (!S_ISDIR(info.st_mode))
        return node;
    size_t count = 0;
    char **names = names_in(length ? path : "/", &count);
    node->children = calloc(count + 1, sizeof *node->children);
    for (size_t i = 0; i < count; i++) {
        size_t longer = length + (size_t)sprintf(path + length, "/%s", names[i]);
        if (strcmp(path, "/dev") != 0)
            node->children[node->count++] = walk(node, names[i], path, longer);
        path[length] = '\0';
        free(names[i]);
    }
    free(names);
    return node;
}

static void escape_path(FILE *to, const struct node *node)
{
    if (!node->parent)
        return;
    escape_path(to, node->parent);
    fputc('/', to);
    escape(to, node->name);
}

static void digest(struct node *node)
{
    char *text;
    size_t size;
    if (node->same && node->same->names > 1) {
        FILE *to = open_memstream(&text, &size);
        fprintf(to, "%s link=", node->record);
        escape_path(to, node->same);
        fclose(to);
        free(node->record);
        node->record = text;
    }
    FILE *to = open_memstream(&text, &size);
    fprintf(to, "%s\n", node->record);
    for (size_t i = 0; i < node->count; i++) {
        digest(node->children[i]);
        escape(to, node->children[i]->name);
        fprintf(to, " %08x\n", node->children[i]->digest);
    }
    fclose(to);
    node->digest = crc(0, text, size);
    free(text);
}

static void list(const struct node *node, const char *word, int numbers)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct node *child = node->children[i];
        if (numbers)
            printf("%s %u %08x ", word, child->number, child->digest);
        else
            printf("%s %08x ", word, child->digest);
        escape(stdout, child->name);
        putchar('\n');
    }
}

static void tail(const char *path)
{
    unsigned char last[16] = "";
    struct stat info = {.st_size = 0};
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &info) < 0 || pread(file, last, sizeof last, info.st_size - 16) != 16)
        give_up("cannot read the end of", path);
    close(file);
    printf("tail %lld ", (long long)info.st_size);
    for (size_t i = 0; i < sizeof last; i++)
        printf("%02x", last[i]);
    putchar('\n');
}

int main(void)
{
    static char path[1 << 16];
    char line[4096];
    if (getpid() != 1) /* this program turns the machine off */
        return 2;
    crc_prepare();
    struct node *root = walk(NULL, "", path, 0);
    digest(root);
    list(root, "top", 0);
    printf("total %08x %u\n", root->digest, paths);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        char *word = strtok(line, " \r\n"), *rest = strtok(NULL, "\r\n");
        unsigned number = rest ? (unsigned)atoi(rest) : 0;
        if (word && strcmp(word, "off") == 0)
            break;
        if (word && strcmp(word, "tail") == 0 && rest)
            tail(rest);
        if (word && strcmp(word, "list") == 0 && number < paths) {
            list(all[number], "entry", 1);
            puts("listed");
        }
        if (word && strcmp(word, "show") == 0 && number < paths)
            printf("record %u %s\n", number, all[number]->record);
        fflush(stdout);
    }
    reboot(RB_POWER_OFF);
    return 1;
}
