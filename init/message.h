/* What init tells the person at the console, and what it does when it cannot go on. */
#ifndef CLAYLINUX_MESSAGE_H
#define CLAYLINUX_MESSAGE_H

/* Print one line on every console of the kernel. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, but only with claylinux.debug on the command line. */
void debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print what failed and why (errno), then do what claylinux.on_failure asks for. Never returns. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
