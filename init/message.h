/* Messages for the person at the console, and the reaction to fatal errors. */
#ifndef CLAYLINUX_MESSAGE_H
#define CLAYLINUX_MESSAGE_H

/* Print one line on every console of the kernel. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds after which a step that goes on says so again. */
#define SILENCE 5

/* Do the same, but only with claylinux.debug on the command line. */
void debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print the error and its reason (errno), then follow claylinux.on_failure. Never returns. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
