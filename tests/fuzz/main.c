/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target that is built without libFuzzer on the files given, or on the corpus if none is given. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define INPUT_MAX 65536

static unsigned inputs;

static void run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "re");
	uint8_t *exact;
	size_t size;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	/* A copy of the exact size, so that a sanitizer sees a read after its end. */
	exact = malloc(size + 1);
	if (exact == NULL)
		exit(1);
	memcpy(exact, data, size);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	inputs++;
}

static void run_directory(const char *path)
{
	char file[PATH_MAX + 256];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		run_file(file);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX];

	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc == 1) {
		snprintf(path, sizeof path, "%s/tests/corpus/%s", srcdir != NULL ? srcdir : ".", fuzz_corpus);
		run_directory(path);
	}
	printf("%u inputs\n", inputs);
	return inputs == 0;
}
