/*
 * ballast MIB: holds so much memory that does not compress, and tells by its own clock whether it runs. Once the memory is filled it
 * prints a line four times a second: the clock, and the longest time since the line before during which it did not run, both in
 * seconds. A dump that freezes the process shows as one long time, whatever the clock of its observer does meanwhile. It is the clock of
 * the real time: CRIU restores a process into a time namespace in which the monotonic one goes on from where it was at the dump.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const size_t words = strtoull(argc > 1 ? argv[1] : "0", NULL, 10) * ((1 << 20) / sizeof(uint64_t));
	const struct timespec nap = { 0, 1000000 };
	/* xorshift64 (Marsaglia, Xorshift RNGs, 2003): quick, and no two pages alike. */
	uint64_t x = 88172645463325252ULL, *memory = malloc(words ? words * sizeof(*memory) : 1);
	double last, printed, longest = 0;

	if (memory == NULL) {
		perror("malloc");
		return 1;
	}
	for (size_t i = 0; i < words; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memory[i] = x;
	}
	for (last = printed = now();;) {
		double t;

		nanosleep(&nap, NULL);
		t = now();
		if (t - last > longest)
			longest = t - last;
		last = t;
		if (t - printed > 0.25) {
			printf("%.3f %.3f\n", t, longest);
			fflush(stdout);
			printed = t;
			longest = 0;
		}
	}
}
