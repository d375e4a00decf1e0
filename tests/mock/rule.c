/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The language of faults. Misspelt rules end the process. */
#include "tests/mock/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/count.h"
#include "tests/mock/die.h"
#include "tests/mock/name.h"

#define WORDS_MAX 8

enum argument_kind {
    ARGUMENT_NONE,
    ARGUMENT_RV,
    ARGUMENT_MOMENT, /* "before" or "after"; before when it is not said */
    ARGUMENT_NUMBER,
    ARGUMENT_MECHANISM,
    ARGUMENT_ATTRIBUTE,
    ARGUMENT_MAYBE_ATTRIBUTE,
    ARGUMENT_FLAGS,
};

static const struct {
    const char *name;
    enum argument_kind argument;
    unsigned traits; /* that the function must have */
} kinds[FAULT_COUNT] = {
    [FAULT_NONE] = {"none", ARGUMENT_NONE, 0},
    [FAULT_RV] = {"rv", ARGUMENT_RV, 0},
    [FAULT_RV_LATE] = {"rv-late", ARGUMENT_RV, 0},
    [FAULT_HANG] = {"hang", ARGUMENT_MOMENT, 0},
    [FAULT_CRASH] = {"crash", ARGUMENT_MOMENT, 0},
    [FAULT_KILL] = {"kill", ARGUMENT_MOMENT, 0},
    [FAULT_SLOW] = {"slow", ARGUMENT_NUMBER, 0},
    [FAULT_GARBAGE] = {"garbage", ARGUMENT_MAYBE_ATTRIBUTE, GIVES_BYTES},
    [FAULT_SHORT] = {"short", ARGUMENT_MAYBE_ATTRIBUTE, GIVES_BYTES},
    [FAULT_SESSION_INVALID] = {"session-invalid", ARGUMENT_NONE, TAKES_SESSION},
    [FAULT_ENDLESS] = {"endless", ARGUMENT_NONE, FILLS_BATCHES},
    [FAULT_EXAGGERATE] = {"exaggerate", ARGUMENT_NONE, GIVES_COUNT},
    [FAULT_REMOVED] = {"removed", ARGUMENT_NONE, 0},
    [FAULT_MAX_SESSIONS] = {"max-sessions", ARGUMENT_NUMBER, 0},
    [FAULT_NO_MECHANISM] = {"no-mechanism", ARGUMENT_MECHANISM, 0},
    [FAULT_NO_ATTRIBUTE] = {"no-attribute", ARGUMENT_ATTRIBUTE, 0},
    [FAULT_FLAGS] = {"flags", ARGUMENT_FLAGS, 0},
    [FAULT_NO_FLAGS] = {"no-flags", ARGUMENT_FLAGS, 0},
    [FAULT_ALWAYS_AUTHENTICATE] = {"always-authenticate", ARGUMENT_NONE, 0},
    [FAULT_PROTECTED_PATH] = {"protected-path", ARGUMENT_NONE, 0},
    [FAULT_READ_ONLY] = {"read-only", ARGUMENT_NONE, 0},
    [FAULT_FULL] = {"full", ARGUMENT_NONE, 0},
    [FAULT_NO_SESSION_PAIRS] = {"no-session-pairs", ARGUMENT_NONE, 0},
    [FAULT_PAIRS_STAY] = {"pairs-stay", ARGUMENT_NONE, 0},
    [FAULT_DUPLICATE_LABEL] = {"duplicate-label", ARGUMENT_NONE, 0},
    [FAULT_BARE_POINT] = {"bare-point", ARGUMENT_NONE, 0},
    [FAULT_ODD_TEXT] = {"odd-text", ARGUMENT_NONE, 0},
    [FAULT_STRICT_CRASH] = {"strict=crash", ARGUMENT_NONE, 0},
};

/* What is being read, for what is said about it. */
struct reader {
    const char *source;
    const char *text; /* the whole rule */
};

const char *rule_kind_name(enum fault_kind kind)
{
    return kinds[kind].name;
}

_Noreturn static void refuse(const struct reader *reader, const char *what, const char *word)
{
    mock_die("%s: '%s': %s '%s'. See tests/mock/README.md", reader->source, reader->text, what,
             word);
}

static void take_subject(const struct reader *reader, struct rule *rule, const char *word)
{
    static const char token[] = "token";
    size_t length = sizeof token - 1;
    if (strncmp(word, token, length) == 0 && (word[length] == '\0' || word[length] == ':')) {
        rule->of_token = true;
        if (word[length] == ':' && (size_t)snprintf(rule->serial, sizeof rule->serial, "%s",
                                                    word + length + 1) >= sizeof rule->serial)
            refuse(reader, "a serial number is longer than 16 bytes:", word);
        return;
    }
    rule->any_function = strcmp(word, "*") == 0;
    if (rule->any_function)
        return;
    for (unsigned i = 0; i < FUNCTION_COUNT; i++)
        if (strcmp(word, function_rows[i].name) == 0) {
            rule->function = i;
            return;
        }
    refuse(reader, "no such function:", word);
}

static void take_kind(const struct reader *reader, struct rule *rule, const char *word)
{
    for (unsigned i = FAULT_RV; i < FAULT_COUNT; i++)
        if (strcmp(word, kinds[i].name) == 0)
            rule->kind = i;
    if (rule->kind == FAULT_NONE)
        refuse(reader, "no such fault:", word);
    if ((rule->kind >= FAULT_REMOVED) != rule->of_token)
        refuse(reader, rule->of_token ? "a token has no fault" : "a function has no fault", word);
    unsigned traits = kinds[rule->kind].traits;
    if (!rule->of_token && !rule->any_function &&
        (function_rows[rule->function].traits & traits) != traits)
        refuse(reader, "the function cannot have", word);
}

static bool take_flags(char *words, unsigned long *flags)
{
    char *rest = NULL;
    *flags = 0;
    for (char *word = strtok_r(words, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        unsigned long flag;
        if (!name_value(NAME_FLAG, word, &flag))
            return false;
        *flags |= flag;
    }
    return *flags != 0;
}

/* Numbers have no names: any of the tables will do. */
static bool take_number(const char *word, unsigned long *value)
{
    return word[0] >= '0' && word[0] <= '9' && name_value(NAME_FLAG, word, value);
}

/* False when the word is no argument of this kind. */
static bool take_argument(struct rule *rule, char *word)
{
    switch (kinds[rule->kind].argument) {
    case ARGUMENT_RV:
        return name_value(NAME_RV, word, &rule->argument);
    case ARGUMENT_MOMENT:
        rule->late = strcmp(word, "after") == 0;
        return rule->late || strcmp(word, "before") == 0;
    case ARGUMENT_NUMBER:
        return take_number(word, &rule->argument);
    case ARGUMENT_MECHANISM:
        return name_value(NAME_MECHANISM, word, &rule->argument);
    case ARGUMENT_ATTRIBUTE:
        return name_value(NAME_ATTRIBUTE, word, &rule->argument);
    case ARGUMENT_MAYBE_ATTRIBUTE:
        return rule->function == FUNCTION_C_GetAttributeValue &&
               name_value(NAME_ATTRIBUTE, word, &rule->argument);
    case ARGUMENT_FLAGS:
        return take_flags(word, &rule->argument);
    case ARGUMENT_NONE:
        break;
    }
    return false;
}

static void take_option(const struct reader *reader, struct rule *rule, const char *word)
{
    const struct {
        const char *name;
        uint64_t *value;
    } options[] = {{"after=", &rule->after}, {"times=", &rule->times}, {"ever=", &rule->ever}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        size_t length = strlen(options[i].name);
        unsigned long value;
        if (strncmp(word, options[i].name, length) == 0 && take_number(word + length, &value)) {
            *options[i].value = value;
            return;
        }
    }
    refuse(reader, "not understood:", word);
}

static void judge(const struct reader *reader, const struct rule *rule, bool argument)
{
    enum argument_kind wanted = kinds[rule->kind].argument;
    if (!argument && wanted != ARGUMENT_NONE && wanted != ARGUMENT_MOMENT &&
        wanted != ARGUMENT_MAYBE_ATTRIBUTE)
        refuse(reader, "an argument is missing after", kinds[rule->kind].name);
    if (rule->ever != UINT64_MAX && (rule->of_token || !count_enabled()))
        refuse(reader, "only a function's fault, with KEYD_MOCK_COUNTS set, can have", "ever=");
}

static void take_rule(const struct reader *reader, char **words, size_t count, struct rule *rule)
{
    *rule = (struct rule){.argument = RULE_NO_ARGUMENT, .times = UINT64_MAX, .ever = UINT64_MAX};
    if (count < 2)
        refuse(reader, "a rule is FUNCTION KIND or token KIND, not", reader->text);
    take_subject(reader, rule, words[0]);
    take_kind(reader, rule, words[1]);
    bool argument = count > 2 && take_argument(rule, words[2]);
    for (size_t i = argument ? 3 : 2; i < count; i++)
        take_option(reader, rule, words[i]);
    judge(reader, rule, argument);
}

size_t rule_parse(const char *text, const char *source, struct rule *rules)
{
    char *copy = mock_copy(text, strlen(text));
    char *rest = NULL;
    size_t n = 0;
    for (char *line = strtok_r(copy, ";\n", &rest); line != NULL;
         line = strtok_r(NULL, ";\n", &rest)) {
        char *words[WORDS_MAX];
        char *after = NULL;
        size_t count = 0;
        line[strcspn(line, "#")] = '\0';
        char *whole = mock_copy(line, strlen(line));
        struct reader reader = {source, whole};
        for (char *word = strtok_r(line, " \t\r", &after); word != NULL;
             word = strtok_r(NULL, " \t\r", &after)) {
            if (count == WORDS_MAX)
                refuse(&reader, "too many words, from", word);
            words[count++] = word;
        }
        if (count > 0 && n == RULES_MAX)
            refuse(&reader, "too many rules, from", words[0]);
        if (count > 0)
            take_rule(&reader, words, count, &rules[n++]);
        free(whole);
    }
    free(copy);
    return n;
}

bool rule_is_about(const struct rule *rule, enum mock_function function)
{
    unsigned traits = kinds[rule->kind].traits;
    if (rule->of_token)
        return false;
    if (!rule->any_function)
        return rule->function == function;
    return (function_rows[function].traits & STANDS_APART) == 0 &&
           (function_rows[function].traits & traits) == traits;
}
