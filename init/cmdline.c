#include "cmdline.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE 4096 /* COMMAND_LINE_SIZE is 2048 on our architectures */

struct line {
    char text[SIZE];
    const char *words[SIZE / 2];
    int count;
};

static struct line booted, trusted;
static const struct line *counts = &booted;

static void split(struct line *line)
{
    line->count = 0;
    for (char *word = strtok(line->text, " \n"); word; word = strtok(NULL, " \n"))
        line->words[line->count++] = word;
}

void cmdline_read(const char *only)
{
    if (only) {
        counts = &trusted;
        snprintf(trusted.text, SIZE, "%s", only);
        split(&trusted);
    }
    int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t length = read(file, booted.text, SIZE - 1);
    close(file);
    booted.text[length < 0 ? 0 : length] = '\0';
    split(&booted);
}

const char *cmdline_difference(void)
{
    for (int i = 0; i < booted.count || i < trusted.count; i++) {
        if (i >= booted.count)
            return trusted.words[i];
        if (i >= trusted.count || strcmp(booted.words[i], trusted.words[i]) != 0)
            return booted.words[i];
    }
    return NULL;
}

/* Return whether the word of this number is for us, not for the OS's init. */
static bool ours(int number)
{
    return number < counts->count && strcmp(counts->words[number], "--") != 0;
}

bool cmdline_has(const char *word)
{
    for (int i = 0; ours(i); i++)
        if (strcmp(counts->words[i], word) == 0)
            return true;
    return false;
}

const char *cmdline_value(const char *key)
{
    size_t length = strlen(key);
    const char *found = NULL;
    for (int i = 0; ours(i); i++)
        if (strncmp(counts->words[i], key, length) == 0 && counts->words[i][length] == '=')
            found = counts->words[i] + length + 1;
    return found;
}
