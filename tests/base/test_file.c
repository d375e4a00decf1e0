/* SPDX-License-Identifier: BSD-2-Clause
 * When two paths are one file, there or not. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "tests/cmocka.h"

static char folder[] = "/tmp/keyd-file.XXXXXX";

/* In FOLDER: a folder and a link to it, something that is there, and in the folder a link to that.
 */
static int make(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("folder", 0700) != 0 ||
           symlink("folder", "link") != 0 || mknod("there", S_IFIFO | 0600, 0) != 0 ||
           symlink("../there", "folder/linked") != 0;
}

static int clear(void **state)
{
    (void)state;
    return unlink("folder/linked") != 0 || unlink("there") != 0 || unlink("link") != 0 ||
           rmdir("folder") != 0 || chdir("/") != 0 || rmdir(folder) != 0;
}

static void one_path_in_many_spellings(void **state)
{
    (void)state;
    char whole[PATH_MAX];
    static const char *const same[][2] = {
        {"x", "x"},
        {"x", "./x"},
        {"folder/x", "folder//x"},
        {"folder/x", "link/x"},
        {"folder/x", "link/../folder/./x"},
        {"new/x", "new/../link/../new//x"},
        {"x", "new/deep/../../x"},
        {"there", "folder/linked"},
        {"there", "link/linked"},
        {"/x", "//x"},
        {"/x", "/../x"},
        {"/", "/."},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (!file_is_same(same[i][0], same[i][1]) || !file_is_same(same[i][1], same[i][0]))
            fail_msg("%s is not %s", same[i][0], same[i][1]);
        snprintf(whole, sizeof whole, "%s/%s", folder, same[i][0]);
        assert_true(same[i][0][0] == '/' || file_is_same(whole, same[i][1]));
    }
}

static void different_paths(void **state)
{
    (void)state;
    static const char *const different[][2] = {
        {"x", "y"},           {"x", "folder/x"},  {"x", "/x"},         {"there", "x"},
        {"there", "there/x"}, {"folder", "x"},    {"new/x", "new/xy"}, {"new/x", "new/x/y"},
        {"folder", "there"},  {"link/x", "link"}, {"..x", "x"},        {".x", "x"},
    };
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++)
        if (file_is_same(different[i][0], different[i][1]) ||
            file_is_same(different[i][1], different[i][0]))
            fail_msg("%s is %s", different[i][0], different[i][1]);
}

static void a_path_that_nothing_can_have(void **state)
{
    (void)state;
    static char longest[PATH_MAX + 2];
    for (size_t i = 0; i <= PATH_MAX; i++)
        longest[i] = i % 100 == 0 ? '/' : 'x';
    assert_false(file_is_same(longest, "x"));
    assert_true(file_is_same(longest, longest));
    longest[PATH_MAX - 1] = '\0';
    assert_false(file_is_same(longest, "x"));
    assert_false(file_is_same(longest + 1, "x")); /* too long with the folder that it is in */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_path_in_many_spellings),
        cmocka_unit_test(different_paths),
        cmocka_unit_test(a_path_that_nothing_can_have),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
