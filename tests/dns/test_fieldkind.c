/* SPDX-License-Identifier: BSD-2-Clause
 * Letters of layouts (rrtype.h) and rows of kinds (fieldkind.h): each has the other. */
#include "client/dns/fieldkind.h"
#include "client/dns/rrtype.h"
#include "tests/cmocka.h"

static void each_letter_is_a_whole_kind(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct rrtype_row *row = rrtype_find((uint16_t)type);
        const char *layout = row != NULL && row->layout != NULL ? row->layout : "";
        for (const char *letter = layout; *letter != '\0'; letter++) {
            const struct field_kind *kind = field_kind(*letter);
            assert_non_null(kind->parse);
            assert_true((kind->check == NULL) == (kind->size > 0));
            assert_true(row->rare || kind->format != NULL);
            assert_true((kind->lower == NULL) == (kind->lowered == 0));
        }
    }
}

static void each_kind_is_in_a_layout(void **state)
{
    (void)state;
    bool used[128] = {false};
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct rrtype_row *row = rrtype_find((uint16_t)type);
        const char *layout = row != NULL && row->layout != NULL ? row->layout : "";
        for (const char *letter = layout; *letter != '\0'; letter++)
            used[(uint8_t)*letter] = true;
    }
    for (size_t letter = 0; letter < 128; letter++)
        assert_true(used[letter] == (field_kinds[letter].parse != NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_letter_is_a_whole_kind),
        cmocka_unit_test(each_kind_is_in_a_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
