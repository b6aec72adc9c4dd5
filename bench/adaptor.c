/* SPDX-License-Identifier: MIT */
/* Adds contenders from outside: adaptor.h says how they are made. */
#include "config.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"

void add_adaptor(const char *path)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct contender *adaptor = module != NULL ? dlsym(module, "bench_adaptor") : NULL;
	unsigned count = 0;

	while (contenders[count] != NULL)
		count++;
	if (adaptor == NULL || count == CONTENDERS_MAX) {
		fprintf(stderr, "bench: %s: %s\n", path, adaptor == NULL ? dlerror() : "too many contenders");
		exit(2);
	}
	contenders[count] = adaptor;
}
