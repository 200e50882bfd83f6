// Like `chattr -i FILE`, which busybox lacks: the kernel protects variables of firmware from a careless rm.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

int main(int count, char **arguments)
{
    int flags = 0;
    int file = count == 2 ? open(arguments[1], O_RDONLY) : -1;
    return file < 0 || ioctl(file, FS_IOC_SETFLAGS, &flags) != 0;
}
