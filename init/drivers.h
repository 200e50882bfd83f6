/* The drivers of the devices that disks hang on: loaded as the kernel finds the devices. */
#ifndef CLAYLINUX_DRIVERS_H
#define CLAYLINUX_DRIVERS_H

/* Load the drivers in the archive that devices ask for, which were not there at the last call. A driver can find a bus with
 * further devices, so call this again and again. `sysfs` is where that is mounted. */
void drivers_load(const char *sysfs);

#endif
