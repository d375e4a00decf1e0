/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/dnssec/verifying.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dnssec/rrsig.h"
#include "tests/dnssec/lab.h"

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

static void expect(bool holds)
{
    if (!holds)
        die("verifying.c: something is not as this file expects it");
}

struct verifying begin(struct denial denial)
{
    struct verifying v = {
        .keys = make_keys(), .zone = lab_zone("example.org", zone_text), .denial = denial};
    v.text = sign_denying(v.zone, v.keys, NOW, denial, 0);
    return v;
}

void end(struct verifying *v)
{
    free(v->text);
    zone_free(v->zone);
    free_keys(v->keys);
}

enum keyd_status judge(const struct verifying *v, const char *text, int64_t now,
                       const struct zone *zone, struct verified *verified, struct keyd_error *err)
{
    struct dname apex = lab_name("example.org");
    const uint32_t serial = 8;
    struct progress progress = {0};
    const struct verification verification = {.apex = apex.wire,
                                              .dnskeys = v->keys->dnskeys,
                                              .dnskey_count = 2,
                                              .unsigned_zone = zone,
                                              .serial = &serial,
                                              .denial = v->denial,
                                              .zonemd = v->keys->zonemd,
                                              .now = now,
                                              .mode = VERIFY_FULL,
                                              .progress = &progress};
    *err = (struct keyd_error){.message = "it passed"};
    enum keyd_status status =
        verify_file(lab_file("signed.zone", text), &verification, verified, err);
    if (status == KEYD_OK && atomic_load(&progress.done) != atomic_load(&progress.total))
        return keyd_fail(err, KEYD_INTERNAL, "PROGRESS", "not all of the text was counted");
    return status;
}

/* With the tags of the keys in it. *Owned*. */
static char *with_tags(const struct keys *keys, const char *text)
{
    char *out = NULL;
    size_t size = 0;
    unsigned ksk = keys->signers[0].key_tag;
    unsigned zsk = keys->signers[1].key_tag;
    unsigned none = 1;
    while (none == ksk || none == zsk)
        none++;
    FILE *file = open_memstream(&out, &size);
    for (; *text != '\0'; text++) {
        if (*text == '#') {
            text++;
            fprintf(file, "%u", *text == 'K' ? ksk : *text == 'Z' ? zsk : none);
        } else {
            fputc(*text, file);
        }
    }
    fclose(file);
    return out;
}

const char *find_line(const char *text, const char *begins)
{
    while (strncmp(text, begins, strlen(begins)) != 0) {
        text = strchr(text, '\n');
        if (text == NULL || *++text == '\0')
            die("no line begins with %s", begins);
    }
    return text;
}

/* Gives the changed text, *owned*; takes the old one. */
static char *apply(char *text, const struct change *change, const struct keys *keys)
{
    char *changed = NULL;
    char *to = with_tags(keys, change->to != NULL ? change->to : "");
    char *from = with_tags(keys, change->from != NULL ? change->from : "");
    if (change->line == NULL) {
        expect(asprintf(&changed, "%s%s", text, to) > 0);
    } else {
        const char *line = find_line(text, change->line);
        const char *end_of_line = strchr(line, '\n') + 1;
        const char *part = change->from != NULL ? strstr(line, from) : line;
        expect(part != NULL && part < end_of_line);
        const char *rest = change->from != NULL ? part + strlen(from) : end_of_line;
        expect(asprintf(&changed, "%.*s%s%s", (int)(part - text), text, to, rest) > 0);
    }
    free(text);
    free(from);
    free(to);
    return changed;
}

/* Signs one set of the zone in a text once more and adds that RRSIG, at its name or at the end, so
 * that the text is not in order. */
static char *sign_again(char *text, const struct damage *damage, const struct keys *keys,
                        bool in_place)
{
    struct bytes rdata = {0};
    struct bytes printed = {0};
    struct dname apex = lab_name("example.org");
    struct zone *zone = lab_zone("example.org", text);
    struct dname owner = lab_name(damage->again);
    struct rrset set;
    struct signer_seat seat;
    const struct rrsig_terms terms = {.apex = apex.wire,
                                      .inception = (uint32_t)(NOW - 3600),
                                      .expiration = (uint32_t)(NOW + 86400)};
    expect(zone_find(zone, owner.wire, damage->type, &set));
    expect(signer_sit(&seat, &keys->signers[damage->by == 'K' ? 0 : 1], NULL) == KEYD_OK);
    expect(rrsig_make(&set, &terms, &seat, &rdata, NULL) == KEYD_OK);
    signer_rise(&seat);
    rdata_format(TYPE_RRSIG, rdata.data, rdata.length, &printed);
    char *changed = NULL;
    const char *place = in_place ? strchr(find_line(text, damage->again), '\n') + 1 : NULL;
    if (place == NULL)
        place = text + strlen(text);
    expect(asprintf(&changed, "%.*s%s\t%u\tIN\tRRSIG\t%.*s\n%s", (int)(place - text), text,
                    damage->again, set.ttl, (int)printed.length, printed.data, place) > 0);
    bytes_free(&rdata);
    bytes_free(&printed);
    zone_free(zone);
    free(text);
    return changed;
}

/* Whether a line, which begins with owner, TTL, class and type, is of an owner, and perhaps a type.
 */
static bool is_of(const char *line, const char *owner, const char *type)
{
    char head[600];
    int length = snprintf(head, sizeof head, "%s\t", owner);
    if (strncasecmp(line, head, (size_t)length) != 0)
        return false;
    if (type == NULL)
        return true;
    line = strstr(line, "\tIN\t") + 4;
    snprintf(head, sizeof head, "RRSIG\t%s ", type);
    return (strncmp(line, type, strlen(type)) == 0 && line[strlen(type)] == '\t') ||
           strncmp(line, head, strlen(head)) == 0;
}

static bool any_is_of(const char *text, const char *owner, const char *type)
{
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (is_of(line, owner, type))
            return true;
    }
    return false;
}

static const char *nth_line(const char *text, unsigned number)
{
    while (number-- > 1)
        text = strchr(text, '\n') + 1;
    return text;
}

bool names_place(const char *text, const char *message, const char *at)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    unsigned number = 0;
    const char *what = strstr(message, ": ");
    expect(what != NULL && sscanf(what, ": %1000s %15[^:]", owner, type) == 2);
    const char *colon = memrchr(message, ':', (size_t)(what - message));
    if (colon == NULL || sscanf(colon, ":%u:", &number) != 1)
        return at == NULL && !any_is_of(text, owner, NULL);
    const char *line = nth_line(text, number);
    if (at != NULL)
        return strncmp(line, at, strlen(at)) == 0;
    return is_of(line, owner, any_is_of(text, owner, type) ? type : NULL);
}

static void expect_one_refused(const struct verifying *v, const struct damage *damage,
                               bool in_place)
{
    struct keyd_error err;
    struct verified verified;
    char *text = strdup(v->text);
    char *wanted = with_tags(v->keys, damage->wanted);
    for (size_t i = 0; i < 4; i++) {
        const struct change *change = &damage->changes[i];
        if (change->line != NULL || change->to != NULL)
            text = apply(text, change, v->keys);
    }
    if (damage->again != NULL)
        text = sign_again(text, damage, v->keys, in_place);
    if (judge(v, text, NOW, v->zone, &verified, &err) != KEYD_DATA_LOSS)
        die("%s: %s", damage->what, err.message);
    expect(strcmp(err.reason, "VERIFICATION") == 0);
    const char *what = strstr(err.message, ": ");
    if (what == NULL || strcmp(what + 2, wanted) != 0)
        die("%s: '%s', not '%s'", damage->what, err.message, wanted);
    if (!names_place(text, err.message, damage->at))
        die("%s: another line than that of '%s'", damage->what, err.message);
    free(wanted);
    free(text);
}

void expect_refused(const struct verifying *v, const struct damage *damage)
{
    expect_one_refused(v, damage, true);
    if (damage->again != NULL)
        expect_one_refused(v, damage, false);
}

char *bend(const char *text, const char *line, enum bend how)
{
    char *changed = NULL;
    const char *ttl = strchr(line, '\t') + 1;
    const char *end_of_line = strchr(line, '\n');
    if (how == BEND_DROP)
        expect(asprintf(&changed, "%.*s%s", (int)(line - text), text, end_of_line + 1) > 0);
    else if (how == BEND_TTL)
        expect(asprintf(&changed, "%.*s1%s", (int)(ttl - text), text, ttl) > 0);
    else
        expect(asprintf(&changed, "%.*s%c%s", (int)(end_of_line - 1 - text), text,
                        end_of_line[-1] == '1' ? '2' : '1', end_of_line) > 0);
    return changed;
}
