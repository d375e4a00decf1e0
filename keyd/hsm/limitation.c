/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/limitation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keyd/base/log.h"

void limitations_add(struct limitations *limitations, const char *name, const char *format, ...)
{
    struct limitation made;
    va_list arguments;
    snprintf(made.name, sizeof made.name, "%s", name);
    va_start(arguments, format);
    vsnprintf(made.text, sizeof made.text, format, arguments);
    va_end(arguments);
    log_notice("the token is limited: %s: %s", made.name, made.text);
    if (limitations->count < LIMITATIONS_MAX)
        limitations->list[limitations->count++] = made;
}

/* ---- Mechanisms ------------------------------------------------------------------------------ */

/* What does not work without a mechanism. */
struct needs {
    char specs[LIMITATION_TEXT / 3];
    char algorithms[LIMITATION_TEXT / 3];
};

/* "A, B", as many as fit. */
static void append(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", word);
}

/* Whether a new key of the spec needs the mechanism: to be made, or to be proved. */
static bool is_needed_for(enum mechanism mechanism, const struct spec_row *row)
{
    const struct key_spec_row *spec = key_spec_find(row->spec);
    const struct signing_row *proof =
        spec != NULL ? signing_row_find(spec->default_algorithm) : NULL;
    return row->generate == mechanism || (proof != NULL && proof->mechanism == mechanism);
}

/* The specs whose new keys need a mechanism, and the algorithms that sign by it. */
static void list_needs(enum mechanism mechanism, struct needs *needs)
{
    const struct spec_row *spec;
    const struct signing_row *signing;
    *needs = (struct needs){0};
    for (size_t i = 0; (spec = spec_row_at(i)) != NULL; i++)
        if (is_needed_for(mechanism, spec))
            append(needs->specs, sizeof needs->specs, key_spec_name(spec->spec));
    for (size_t i = 0; (signing = signing_row_at(i)) != NULL; i++)
        if (signing->mechanism == mechanism)
            append(needs->algorithms, sizeof needs->algorithms, algorithm_name(signing->algorithm));
}

static void add_missing(struct limitations *limitations, enum mechanism mechanism)
{
    struct needs needs;
    list_needs(mechanism, &needs);
    limitations_add(limitations, mechanism_rows[mechanism].name, "not offered: %s%s%s%s%s",
                    needs.algorithms[0] != '\0' ? "no signatures by " : "", needs.algorithms,
                    needs.algorithms[0] != '\0' && needs.specs[0] != '\0' ? "; " : "",
                    needs.specs[0] != '\0' ? "no new keys of " : "", needs.specs);
}

/* A spec whose mechanisms are offered, but not in its size. */
static void judge_size(struct limitations *limitations, const struct module *module,
                       const struct spec_row *row)
{
    const struct key_spec_row *spec = key_spec_find(row->spec);
    struct keyd_error err;
    if (spec != NULL && module->offers[row->generate].offered &&
        module_offers(module, row->generate, spec->bits, &err) != KEYD_OK)
        limitations_add(limitations, key_spec_name(row->spec), "no new keys: %s", err.message);
}

void limitations_of_offers(struct limitations *limitations, const struct module *module)
{
    const struct spec_row *row;
    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if (!module->offers[i].offered)
            add_missing(limitations, (enum mechanism)i);
    for (size_t i = 0; (row = spec_row_at(i)) != NULL; i++)
        judge_size(limitations, module, row);
}

/* ---- Flags ----------------------------------------------------------------------------------- */

void limitations_of_flags(struct limitations *limitations, CK_FLAGS flags)
{
    if ((flags & CKF_WRITE_PROTECTED) != 0)
        limitations_add(limitations, "CKF_WRITE_PROTECTED",
                        "the token is read-only: no new keys; those that are there sign");
    if ((flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
        limitations_add(limitations, "CKF_PROTECTED_AUTHENTICATION_PATH",
                        "the PIN is typed at the token's own pad: after each start of keyd-hsm a "
                        "person logs in there");
}
