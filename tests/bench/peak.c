/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs a command and prints the seconds that it took and the most memory that it had, in KiB. A
 * program of its own since the kernel counts the memory of whoever started the command before it
 * became that command: here that is next to none.
 *
 *   peak FILE COMMAND [ARGUMENT...]     writes "SECONDS KIB" to FILE; gives the command's status
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int status = 0;
    if (argc < 3)
        return 2;
    double begin = now();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return 2;
    double seconds = now() - begin;
    FILE *file = fopen(argv[1], "w");
    if (file == NULL)
        return 2;
    fprintf(file, "%.4f %ld\n", seconds, usage.ru_maxrss);
    if (fclose(file) != 0)
        return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
