/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files and directives; the records between them are zonerecord.c's. */
#include "client/dns/zonefile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dns/fields.h"
#include "client/dns/generate.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonerecord.h"
#include "client/dns/zonetext.h"

/* A file that is being read, and what holds again behind its $INCLUDE. */
struct source {
    struct zonetext *text;
    const struct place_file *file; /* for messages */
    struct dname origin;
    struct dname owner;
    bool have_owner;
    bool outside;
};

struct reader {
    struct record_reader record;
    struct source sources[ZONEFILE_INCLUDE_MAX];
    size_t depth;              /* sources that are open */
    struct place_files *files; /* that were opened, *borrowed* */
};

static struct source *top(struct reader *reader)
{
    return &reader->sources[reader->depth - 1];
}

/* ---- $INCLUDE ------------------------------------------------------------------------------- */

/* What comes now is from the innermost file. */
static void turn_to_top(struct reader *reader)
{
    const struct source *source = top(reader);
    reader->record.text = source->text;
    reader->record.place.file = reader->record.options->files != NULL ? source->file : NULL;
}

/* Takes the text, which is closed when it cannot be done. */
static enum keyd_status push(struct reader *reader, struct zonetext *text, struct keyd_error *err)
{
    const struct place_file *parent = reader->depth > 0 ? top(reader)->file : NULL;
    const struct place_file *file =
        place_files_add(reader->files, zonetext_name(text), parent, reader->record.place.line);
    if (file == NULL) {
        zonetext_close(text);
        return keyd_fail_errno(err, ENOMEM, "reading the zone");
    }
    reader->sources[reader->depth++] = (struct source){.text = text, .file = file};
    zonetext_watch(text, reader->record.options->progress);
    turn_to_top(reader);
    return KEYD_OK;
}

static void pop(struct reader *reader)
{
    zonetext_close(top(reader)->text);
    reader->depth--;
    if (reader->depth == 0)
        return;
    const struct source *source = top(reader);
    turn_to_top(reader);
    reader->record.origin = source->origin;
    reader->record.owner = source->owner;
    reader->record.have_owner = source->have_owner;
    reader->record.outside = source->outside;
    record_new_origin(&reader->record);
}

/* What comes behind it is read with these again. */
static void remember(struct reader *reader)
{
    struct source *source = top(reader);
    source->origin = reader->record.origin;
    source->owner = reader->record.owner;
    source->have_owner = reader->record.have_owner;
    source->outside = reader->record.outside;
}

/* The file's name as it is opened: a relative one in the folder of the file that names it. */
static enum keyd_status resolve(const struct reader *reader, const struct token *token,
                                char path[PATH_MAX], struct keyd_error *err)
{
    const struct zonetext *text = reader->record.text;
    const char *slash = strrchr(zonetext_path(text), '/');
    uint8_t name[PATH_MAX];
    char shown[RECORD_SHOWN];
    size_t used = 0;
    const char *why = text_unescape(token->text, token->length, name, sizeof name - 1, &used);
    if (why == NULL && (used == 0 || memchr(name, 0, used) != NULL))
        why = "no name of a file";
    if (why != NULL)
        return record_fail(&reader->record, token->text, err, "$INCLUDE '%s': %s",
                           record_show(token, shown), why);
    int folder = slash == NULL || name[0] == '/' ? 0 : (int)(slash + 1 - zonetext_path(text));
    int n = snprintf(path, PATH_MAX, "%.*s%.*s", folder, zonetext_path(text), (int)used,
                     (const char *)name);
    if (n < 0 || n >= PATH_MAX)
        return record_fail(&reader->record, token->text, err,
                           "$INCLUDE '%s': a name that is too "
                           "long",
                           record_show(token, shown));
    return KEYD_OK;
}

static bool is_open(const struct reader *reader, const struct zonetext *text)
{
    const struct stat *st = zonetext_stat(text);
    for (size_t i = 0; i < reader->depth; i++) {
        const struct stat *other = zonetext_stat(reader->sources[i].text);
        if (st->st_dev == other->st_dev && st->st_ino == other->st_ino)
            return true;
    }
    return false;
}

/* NULL where it may be read. */
static const char *refusal(const struct reader *reader, const struct zonetext *text)
{
    const struct zonefile_options *options = reader->record.options;
    if (is_open(reader, text))
        return "that file is being read already";
    return options->refuse != NULL ? options->refuse(options->refuse_context, zonetext_stat(text))
                                   : NULL;
}

static enum keyd_status open_include(struct reader *reader, const struct token *token,
                                     struct zonetext **text, struct keyd_error *err)
{
    char path[PATH_MAX];
    char shown[RECORD_SHOWN];
    struct keyd_error why;
    const struct record_reader *record = &reader->record;
    record_show(token, shown);
    if (reader->depth == ZONEFILE_INCLUDE_MAX)
        return record_fail(record, token->text, err, "$INCLUDE '%s': more than %d files in another",
                           shown, ZONEFILE_INCLUDE_MAX);
    enum keyd_status status = resolve(reader, token, path, err);
    if (status != KEYD_OK)
        return status;
    if (zonetext_open(path, text, &why) != KEYD_OK)
        return record_fail(record, token->text, err, "$INCLUDE '%s': %s", shown, why.message);
    const char *refused = refusal(reader, *text);
    if (refused == NULL)
        return KEYD_OK;
    zonetext_close(*text);
    return record_fail(record, token->text, err, "$INCLUDE '%s': %s", shown, refused);
}

/* $INCLUDE FILE [ORIGIN] */
static enum keyd_status read_include(struct reader *reader, const struct entry *entry,
                                     struct keyd_error *err)
{
    struct dname origin = reader->record.origin;
    struct zonetext *text;
    enum keyd_status status = KEYD_OK;
    if (entry->count == 3)
        status = record_name(&reader->record, &entry->tokens[2], &origin, err);
    if (status == KEYD_OK)
        status = open_include(reader, &entry->tokens[1], &text, err);
    if (status != KEYD_OK)
        return status;
    remember(reader);
    reader->record.origin = origin;
    record_new_origin(&reader->record);
    return push(reader, text, err);
}

/* ---- The other directives ------------------------------------------------------------------- */

static enum keyd_status read_origin(struct reader *reader, const struct entry *entry,
                                    struct keyd_error *err)
{
    struct dname origin;
    enum keyd_status status = record_name(&reader->record, &entry->tokens[1], &origin, err);
    if (status != KEYD_OK)
        return status;
    reader->record.origin = origin;
    record_new_origin(&reader->record);
    return KEYD_OK;
}

static enum keyd_status read_ttl(struct reader *reader, const struct entry *entry,
                                 struct keyd_error *err)
{
    return record_ttl(&reader->record, &entry->tokens[1], &reader->record.default_ttl, err);
}

static enum keyd_status read_generate(struct reader *reader, const struct entry *entry,
                                      struct keyd_error *err)
{
    return generate_read(&reader->record, entry, err);
}

static const struct directive {
    const char *name;
    const char *usage;
    size_t least; /* words, with its name */
    size_t most;
    enum keyd_status (*read)(struct reader *, const struct entry *, struct keyd_error *);
} directives[] = {
    {"$ORIGIN", "$ORIGIN NAME", 2, 2, read_origin},
    {"$TTL", "$TTL SECONDS", 2, 2, read_ttl},
    {"$INCLUDE", "$INCLUDE FILE [ORIGIN]", 2, 3, read_include},
    {"$GENERATE",
     "$GENERATE START-STOP[/STEP] OWNER [TTL] [class] TYPE DATA, several words of DATA in "
     "quotes",
     5, 7, read_generate},
};

static const char *end_of(const struct entry *entry)
{
    const struct token *last = &entry->tokens[entry->count - 1];
    return last->text + last->length;
}

static enum keyd_status read_directive(struct reader *reader, const struct entry *entry,
                                       struct keyd_error *err)
{
    char shown[RECORD_SHOWN];
    const struct token *name = &entry->tokens[0];
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        const struct directive *directive = &directives[i];
        if (!record_is_word(name, directive->name))
            continue;
        if (entry->count < directive->least)
            return record_fail(&reader->record, end_of(entry), err, "expected %s",
                               directive->usage);
        if (entry->count > directive->most)
            return record_fail(&reader->record, entry->tokens[directive->most].text, err,
                               "more than %s", directive->usage);
        return directive->read(reader, entry, err);
    }
    return record_fail(&reader->record, name->text, err,
                       "unknown directive '%s' ($ORIGIN, $TTL, $INCLUDE and $GENERATE are known; a "
                       "name that begins with $ is written \\$)",
                       record_show(name, shown));
}

/* ---- All of it ------------------------------------------------------------------------------ */

/* The next entry of the innermost file; *more is false when it has ended. */
static enum keyd_status read_next(struct reader *reader, bool *more, struct keyd_error *err)
{
    struct entry entry;
    struct source *source = top(reader);
    enum keyd_status status = zonetext_next(source->text, &entry, more, err);
    if (status != KEYD_OK || !*more)
        return status;
    reader->record.place.line = entry.line;
    reader->record.place.column = entry.column;
    const struct token *first = &entry.tokens[0];
    bool directive =
        !entry.blank_owner && !first->quoted && first->length > 0 && first->text[0] == '$';
    if (directive && reader->record.options->plain)
        return record_fail(&reader->record, first->text, err, "a directive");
    return directive ? read_directive(reader, &entry, err)
                     : record_read(&reader->record, &entry, err);
}

static enum keyd_status read_all(struct reader *reader, struct keyd_error *err)
{
    while (reader->depth > 0) {
        bool more;
        enum keyd_status status = read_next(reader, &more, err);
        if (status != KEYD_OK) {
            place_append_includes(top(reader)->file, err->message, sizeof err->message);
            return status;
        }
        if (!more)
            pop(reader);
    }
    return KEYD_OK;
}

static void tell_dropped(const struct reader *reader)
{
    const struct zonefile_options *options = reader->record.options;
    char message[128];
    if (reader->record.dropped == 0 || options->notice == NULL)
        return;
    snprintf(message, sizeof message, "%zu %s outside of the zone %s dropped",
             reader->record.dropped, reader->record.dropped == 1 ? "record" : "records",
             reader->record.dropped == 1 ? "was" : "were");
    options->notice(options->notice_context, message);
}

/* Closes `text`. */
static enum keyd_status read_text(struct reader *reader, struct zonetext *text,
                                  struct keyd_error *err)
{
    struct record_reader *record = &reader->record;
    const char *refused = refusal(reader, text);
    if (refused != NULL) {
        enum keyd_status status = keyd_fail(err, KEYD_INVALID_ARGUMENT, "ZONE_FILE", "%s: %s",
                                            zonetext_name(text), refused);
        zonetext_close(text);
        return status;
    }
    enum keyd_status status = push(reader, text, err);
    if (status != KEYD_OK)
        return status;
    record->origin.length = (uint8_t)dname_length(record->apex);
    memcpy(record->origin.wire, record->apex, record->origin.length);
    record_new_origin(record);
    record->default_ttl = record->options->default_ttl;
    record->last_ttl = ZONEFILE_NO_TTL;
    record->rdata = malloc(RDATA_MAX);
    status = record->rdata != NULL ? read_all(reader, err)
                                   : keyd_fail_errno(err, ENOMEM, "%s", zonetext_name(text));
    while (reader->depth > 0)
        pop(reader);
    free(record->rdata);
    if (status == KEYD_OK)
        tell_dropped(reader);
    return status;
}

static enum keyd_status open_first(const char *path, const struct zonefile_options *options,
                                   struct zonetext **text, struct keyd_error *err)
{
    if (options->bytes != NULL)
        return zonetext_open_bytes(options->bytes, options->length, path, text, err);
    if (options->from_fd)
        return zonetext_open_fd(options->fd, path, text, err);
    if (strcmp(path, "-") == 0)
        return zonetext_open_fd(STDIN_FILENO, "standard input", text, err);
    return zonetext_open(path, text, err);
}

enum keyd_status zonefile_read_with(const char *path, const uint8_t *apex,
                                    const struct zonefile_options *options, zone_sink sink,
                                    void *context, struct keyd_error *err)
{
    struct keyd_error own;
    struct zonetext *text;
    struct place_files own_files = {0};
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    reader->record =
        (struct record_reader){.options = options, .apex = apex, .sink = sink, .context = context};
    reader->files = options->files != NULL ? options->files : &own_files;
    enum keyd_status status = open_first(path, options, &text, err);
    if (status == KEYD_OK)
        status = read_text(reader, text, err != NULL ? err : &own);
    place_files_free(&own_files);
    free(reader);
    return status;
}

enum keyd_status zonefile_read(const char *path, const uint8_t *apex, zone_sink sink, void *context,
                               struct keyd_error *err)
{
    const struct zonefile_options options = {.default_ttl = ZONEFILE_NO_TTL};
    return zonefile_read_with(path, apex, &options, sink, context, err);
}

static enum keyd_status add_to_zone(void *context, const struct zone_record *record,
                                    struct keyd_error *err)
{
    return zone_add(context, record, err);
}

enum keyd_status zonefile_load_with(const char *path, const uint8_t *apex,
                                    const struct zonefile_options *options, struct zone **zone,
                                    struct keyd_error *err)
{
    struct zone *loaded = zone_new(apex);
    if (loaded == NULL)
        return keyd_fail_errno(err, ENOMEM, "%s", path);
    struct zonefile_options how = *options;
    how.files = zone_files(loaded);
    enum keyd_status status = zonefile_read_with(path, apex, &how, add_to_zone, loaded, err);
    if (status == KEYD_OK)
        status = zone_finish(loaded, err);
    if (status != KEYD_OK) {
        zone_free(loaded);
        return status;
    }
    *zone = loaded;
    return KEYD_OK;
}

enum keyd_status zonefile_load(const char *path, const uint8_t *apex, struct zone **zone,
                               struct keyd_error *err)
{
    return zonefile_load_with_ttl(path, apex, ZONEFILE_NO_TTL, zone, err);
}

enum keyd_status zonefile_load_with_ttl(const char *path, const uint8_t *apex, uint32_t default_ttl,
                                        struct zone **zone, struct keyd_error *err)
{
    const struct zonefile_options options = {.default_ttl = default_ttl};
    return zonefile_load_with(path, apex, &options, zone, err);
}
