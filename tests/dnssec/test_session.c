/* SPDX-License-Identifier: BSD-2-Clause
 * A run on a zone that is new: nothing is made before there is something to remember. */
#include <string.h>
#include <unistd.h>

#include "client/dnssec/session.h"
#include "tests/cmocka.h"
#include "tests/dnssec/lab.h"

static struct options options_for(const char *zone)
{
    struct options options = {.command = COMMAND_ENABLE, .state_folder = lab_path("state")};
    options.zone = lab_name(zone);
    snprintf(options.zone_text, sizeof options.zone_text, "%s", zone);
    return options;
}

static void a_new_zone_has_no_folder_until_it_is_saved(void **state)
{
    (void)state;
    struct session session;
    const struct options options = options_for("new.org");
    session_init(&session, &options, NULL);
    assert_int_equal(session_begin(&session, NULL), KEYD_OK);
    assert_int_not_equal(access(options.state_folder, F_OK), 0);
    session_close(&session);
    assert_int_not_equal(access(options.state_folder, F_OK), 0);

    assert_int_equal(session_begin(&session, NULL), KEYD_OK);
    assert_int_equal(session_save(&session, NULL), KEYD_OK);
    assert_true(session.lock >= 0);
    assert_int_equal(access(session.folder, F_OK), 0);
    assert_int_equal(session_save(&session, NULL), KEYD_OK);
    session_close(&session);
    assert_int_equal(session_begin(&session, NULL), KEYD_OK);
    assert_true(session.lock >= 0); /* from the beginning now */
    session_close(&session);
}

/* Two that begin with the same zone at once. */
static void the_second_of_two_is_told(void **state)
{
    (void)state;
    struct session first;
    struct session second;
    struct keyd_error err;
    const struct options options = options_for("two.org");
    session_init(&first, &options, NULL);
    session_init(&second, &options, NULL);
    assert_int_equal(session_begin(&first, NULL), KEYD_OK);
    assert_int_equal(session_begin(&second, NULL), KEYD_OK);
    assert_int_equal(session_save(&first, NULL), KEYD_OK);
    assert_int_equal(session_save(&second, &err), KEYD_ABORTED);
    assert_string_equal(err.reason, "ZONE_BUSY");
    assert_non_null(strstr(err.message, "is at work on this zone"));
    session_close(&first);
    assert_int_equal(session_save(&second, &err), KEYD_ABORTED);
    assert_string_equal(err.reason, "ZONE_BUSY");
    assert_string_equal(err.message,
                        "another keyd-dnssec has enabled two.org meanwhile: run this again");
    assert_int_equal(second.lock, -1);
    session_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_zone_has_no_folder_until_it_is_saved),
        cmocka_unit_test(the_second_of_two_is_told),
    };
    return cmocka_run_group_tests(tests, lab_open, lab_close);
}
