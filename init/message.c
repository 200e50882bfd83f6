#define _GNU_SOURCE
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "cmdline.h"

/* /dev/kmsg reaches all consoles, stderr only the last one on the command line.
 * The kernel shows level 2 even with `quiet`. */
static void print(const char *text)
{
    char line[1024];
    int length = snprintf(line, sizeof line, "<2>claylinux: %s\n", text);
    if (length >= (int)sizeof line)
        length = (int)sizeof line - 1;
    int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (kmsg >= 0 && write(kmsg, line, (size_t)length) == length) {
        close(kmsg);
        return;
    }
    if (kmsg >= 0)
        close(kmsg);
    if (write(STDERR_FILENO, line + 3, (size_t)length - 3) < 0)
        return; /* no way to report this */
}

void say(const char *format, ...)
{
    char text[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print(text);
}

void debug(const char *format, ...)
{
    if (!cmdline_has("claylinux.debug"))
        return;
    char text[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print(text);
}

static void give_up(void)
{
    const char *requested = cmdline_value("claylinux.on_failure");
    if (requested && strcmp(requested, "shell") == 0) {
        print("starting /bin/sh because of claylinux.on_failure=shell");
        execl("/bin/sh", "sh", (char *)NULL);
        print("the system has no /bin/sh");
    }
    int command = 0;
    if (requested && strcmp(requested, "reboot") == 0)
        command = RB_AUTOBOOT;
    if (requested && strcmp(requested, "poweroff") == 0)
        command = RB_POWER_OFF;
    if (command) {
        sleep(5); /* time to read the message */
        reboot(command);
    }
    /* PID 1 must not exit, because the panic of the kernel would scroll the message away. */
    print("stopped here: to change that, add claylinux.on_failure=reboot|poweroff|shell to the command line");
    for (;;)
        pause();
}

void fail(const char *format, ...)
{
    int error = errno;
    char text[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (error)
        say("%s: %s", text, strerror(error));
    else
        print(text);
    give_up();
    __builtin_unreachable();
}
