/* Checks that a shell in the guest cannot do. Each command prints one line.
 *
 *   probe pivot          call pivot_root(2) in a new mount namespace
 *   probe xattr FILE NAME    the attribute's value in hexadecimal
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int complain(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

static int pivot(void)
{
    if (unshare(CLONE_NEWNS) < 0)
        return complain("unshare");
    if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/old", 0755) < 0)
        return complain("new root");
    if (syscall(SYS_pivot_root, "/mnt", "/mnt/old") < 0)
        return complain("pivot_root");
    if (chdir("/") < 0 || access("/old/sbin/init", X_OK) < 0)
        return complain("the old root");
    puts("pivoted");
    return 0;
}

static int xattr(const char *file, const char *name)
{
    unsigned char value[65536];
    ssize_t length = lgetxattr(file, name, value, sizeof value);
    if (length < 0)
        return complain(name);
    for (ssize_t i = 0; i < length; i++)
        printf("%02x", value[i]);
    putchar('\n');
    return 0;
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "pivot") == 0)
        return pivot();
    if (count == 4 && strcmp(words[1], "xattr") == 0)
        return xattr(words[2], words[3]);
    return 2;
}
