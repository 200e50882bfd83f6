/* An image that will be signed says so, and which command line was signed. See docs/internals/initramfs.md. */
#ifndef CLAYLINUX_SIGNED_H
#define CLAYLINUX_SIGNED_H

/* Read what the image says, before any of the functions below. Without it, these do nothing. */
void signed_read(void);

/* Return the signed command line, or NULL. */
const char *signed_command_line(void);

/* Say who signed the image, fail if the command line is another one, and drop what the stub took from the disk. */
void signed_check(void);

/* Put into /run what the system may know: who signed it, and the signed measurements. Call this in the new root. */
void signed_publish(void);

#endif
