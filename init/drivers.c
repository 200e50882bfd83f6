#define _GNU_SOURCE
#include "drivers.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listing.h"
#include "message.h"
#include "modules.h"

#define DRIVERS "/.claylinux/drivers"
#define LIST DRIVERS "/list"
#define MAX_DEVICES 16384 /* a server has some thousand */

static uint64_t known[MAX_DEVICES]; /* the devices that were looked at, as hashes of their paths */
static int known_count;

/* Return whether a device is new. Of very many, the last ones are looked at each time. */
static bool is_new(const char *path)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = path; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    for (int i = 0; i < known_count; i++)
        if (known[i] == hash)
            return false;
    if (known_count < MAX_DEVICES)
        known[known_count++] = hash;
    return true;
}

/* The list has, for each driver: its name, the modules to load before it, an empty text, the patterns of its devices, an
 * empty text (imager/initramfs/drivers.py). */
static void load_for(const char *device)
{
    struct listing list;
    const char *name, *text;
    int directory = open(DRIVERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    listing_open(&list, open(LIST, O_RDONLY | O_CLOEXEC), "drivers");
    while (directory >= 0 && (name = listing_text(&list))) {
        struct listing needs = list;
        bool wanted = false;
        while ((text = listing_text(&list)) && *text)
            continue;
        while ((text = listing_text(&list)) && *text)
            wanted = wanted || fnmatch(text, device, 0) == 0;
        if (!wanted)
            continue;
        while ((text = listing_text(&needs)) && *text)
            modules_try(directory, text);
        modules_try(directory, name);
    }
    listing_close(&list);
    if (directory >= 0)
        close(directory);
}

static void look_at(int bus, const char *name)
{
    char path[512], alias[4096];
    snprintf(path, sizeof path, "%s/modalias", name);
    int file = openat(bus, path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t length = read(file, alias, sizeof alias - 1);
    close(file);
    if (length <= 0)
        return;
    alias[length] = '\0';
    alias[strcspn(alias, "\n")] = '\0';
    load_for(alias);
}

/* The processor is no device of a bus. It has drivers, too: fast ciphers and hashes. */
static void look_at_processor(const char *sysfs)
{
    char path[512];
    snprintf(path, sizeof path, "%s/devices/system", sysfs);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return;
    if (is_new("cpu"))
        look_at(directory, "cpu");
    close(directory);
}

void drivers_load(const char *sysfs)
{
    char path[512];
    look_at_processor(sysfs);
    snprintf(path, sizeof path, "%s/bus", sysfs);
    DIR *buses = opendir(path);
    for (struct dirent *bus; buses && (bus = readdir(buses));) {
        if (bus->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/bus/%s/devices", sysfs, bus->d_name);
        DIR *devices = opendir(path);
        for (struct dirent *device; devices && (device = readdir(devices));) {
            char whole[600];
            snprintf(whole, sizeof whole, "%s/%s", bus->d_name, device->d_name);
            if (device->d_name[0] != '.' && is_new(whole))
                look_at(dirfd(devices), device->d_name);
        }
        if (devices)
            closedir(devices);
    }
    if (buses)
        closedir(buses);
}
