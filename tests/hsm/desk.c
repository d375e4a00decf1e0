/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/hsm/desk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/cmocka.h"

void desk_token(const char *pin)
{
    char variables[1024];
    snprintf(variables, sizeof variables,
             "- {name: KEYD_MOCK_TOKENS, value: " LAB_LABEL "=DESK0001}\n"
             "- {name: KEYD_MOCK_PIN, value: '%s'}\n"
             "- {name: KEYD_MOCK_STATE, value: %s}\n"
             "- {name: KEYD_MOCK_COUNTS, value: %s}\n"
             "- {name: KEYD_MOCK_FAULTS_FILE, value: %s}\n",
             pin, lab_path("mock-state"), lab_path("counts"), lab_path("faults"));
    lab_config("main", KEYD_TESTS "/mock.so", "", variables);
    unlink(lab_path("mock-state"));
}

void desk_faults(const char *rules)
{
    lab_write("faults", rules, 0600);
}

int desk_count(const char *function)
{
    if (!lab_exists("counts"))
        return 0;
    char *text = lab_read("counts");
    size_t length = strlen(function);
    int count = 0;
    for (char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, function, length) == 0 && line[length] == ' ')
            count = atoi(line + length);
    }
    free(text);
    return count;
}

void desk_pin(const char *pin)
{
    char line[80];
    snprintf(line, sizeof line, "%s\n", pin);
    lab_write("pin", line, 0600);
}

void desk_edit_record(const char *from, const char *to)
{
    char changed[8192];
    char *text = lab_read("state-main/login");
    const char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    lab_write("state-main/login", changed, 0600);
}

pid_t desk_start(Keyd__Hsm__V1__Welcome__State state, const char *message, int logins)
{
    int looks = desk_count("C_GetTokenInfo");
    int tries = desk_count("C_Login");
    pid_t pid = lab_start("main", NULL);
    close(greet(state, message));
    assert_true(desk_count("C_GetTokenInfo") > looks);
    assert_int_equal(desk_count("C_Login"), tries + logins);
    return pid;
}

void desk_visit(Keyd__Hsm__V1__Welcome__State state, const char *message, int logins)
{
    lab_stop(desk_start(state, message, logins));
}

static pid_t say_login(const char *option)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int said = open(lab_path("said"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(said, STDOUT_FILENO);
        dup2(said, STDERR_FILENO);
        execl(KEYD_BIN "/keyd-hsm", "keyd-hsm", "admin", "login", "--config",
              lab_path("tokens.d/main.conf"), option, (char *)NULL);
        _exit(127);
    }
    return pid;
}

int desk_say_login(const char *option)
{
    return lab_wait(say_login(option));
}

int desk_login(pid_t *hsm, const char *option)
{
    pid_t command = say_login(option);
    int status = lab_wait(*hsm);
    *hsm = lab_start("main", NULL);
    int said = lab_wait(command);
    assert_int_equal(status, 1);
    return said;
}

void desk_heard(const char *words)
{
    char *said = lab_read("said");
    if (strstr(said, words) == NULL)
        fail_msg("no '%s' in: %s", words, said);
    assert_null(strstr(said, LAB_PIN));
    free(said);
}
