/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "suite.h"

#define SKIPPED 77 /* exit status for Automake: no test can run here */

/* Can what has these needs run here? If not, prints why. */
static bool can_run(const char *name, unsigned needs)
{
	const char *missing = needs_missing(needs);

	if (missing != NULL)
		printf("skipped: %s: %s\n", name, missing);
	return missing == NULL;
}

static unsigned add_tests(TCase *tcase)
{
	unsigned added = 0;

	for (size_t i = 0; i < SUITE_TESTS_MAX && suite.tests[i].test != NULL; i++) {
		if (can_run(suite.tests[i].test->name, suite.tests[i].needs)) {
			tcase_add_loop_test(tcase, suite.tests[i].test, 0, suite.tests[i].loops);
			added++;
		}
	}
	return added;
}

/* How many tests can run, with this setup. */
static unsigned add_case(Suite *check, void (*setup)(void))
{
	TCase *tcase = tcase_create(suite.name);

	suite_add_tcase(check, tcase);
	if (suite.test_seconds != 0)
		tcase_set_timeout(tcase, suite.test_seconds);
	if (setup != NULL || suite.teardown != NULL)
		tcase_add_checked_fixture(tcase, setup, suite.teardown);
	return add_tests(tcase);
}

/* Check multiplies the time of a test by this, for slow machines: the suite's has to follow. */
static unsigned seconds_allowed(void)
{
	const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
	double times = multiplier != NULL ? strtod(multiplier, NULL) : 1;

	return times > 1 && times < 1000 ? (unsigned)(suite.seconds * times) : suite.seconds;
}

int main(void)
{
	Suite *check;
	unsigned added;
	int status;

	/* Check's default of 4 s is soon over on a busy machine. tcase_create() reads this. */
	setenv("CK_DEFAULT_TIMEOUT", "20", 0);
	if (!can_run(suite.name, suite.needs))
		return SKIPPED;
	check = suite_create(suite.name);
	added = add_case(check, suite.setups[0] != NULL ? suite.setups[0] : suite.setup);
	for (size_t i = 1; i < SUITE_SETUPS_MAX && suite.setups[i] != NULL; i++)
		added += add_case(check, suite.setups[i]);
	if (added == 0) {
		srunner_free(srunner_create(check)); /* the leak sanitizer would change the exit status */
		return SKIPPED;
	}
	if (suite.begin != NULL)
		suite.begin();
	status = test_run(check, seconds_allowed());
	if (suite.end != NULL)
		suite.end();
	return status;
}
