#include "cmdline.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char text[4096]; /* COMMAND_LINE_SIZE is 2048 on our architectures */
static const char *words[sizeof text / 2];
static int count;

void cmdline_read(void)
{
    int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length < 0 ? 0 : length] = '\0';
    for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n")) {
        if (strcmp(word, "--") == 0)
            return; /* the rest is for the OS's init */
        words[count++] = word;
    }
}

bool cmdline_has(const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

const char *cmdline_value(const char *key)
{
    size_t length = strlen(key);
    const char *found = NULL;
    for (int i = 0; i < count; i++)
        if (strncmp(words[i], key, length) == 0 && words[i][length] == '=')
            found = words[i] + length + 1;
    return found;
}
