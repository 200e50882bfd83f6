/* A program that ends well, and no more: a builder that runs it runs programs of its architecture.
 * Without libc it has a few hundred bytes.
 */
void _start(void) __attribute__((noreturn));

void _start(void)
{
#if defined(__x86_64__)
    __asm__ volatile("syscall" : : "a"(60L), "D"(0L));
#elif defined(__aarch64__)
    register long number __asm__("x8") = 93;
    register long code __asm__("x0") = 0;
    __asm__ volatile("svc 0" : : "r"(number), "r"(code));
#else
#error "exit(2) of this architecture is missing"
#endif
    __builtin_unreachable();
}
