/* Extended attributes (file capabilities, ACLs), which cpio cannot carry: a separate file contains them. */
#ifndef CLAYLINUX_XATTRS_H
#define CLAYLINUX_XATTRS_H

/* Set the attributes in the open `file`, records of path\0 name\0 length (uint32, little endian) value; close it. */
void xattrs_restore(int file);

#endif
