/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/tsigkey.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "keyd/base/encode.h"

#define ALGORITHM_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

static const struct tsig_algorithm algorithms[] = {
    {"hmac-sha224", "SHA2-224", 28},
    {"hmac-sha256", "SHA2-256", 32},
    {"hmac-sha384", "SHA2-384", 48},
    {"hmac-sha512", "SHA2-512", 64},
};

const struct tsig_algorithm *tsig_algorithm_find(const char *name, size_t length)
{
    if (length > 0 && name[length - 1] == '.')
        length--;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strlen(algorithms[i].name) == length &&
            strncasecmp(algorithms[i].name, name, length) == 0)
            return &algorithms[i];
    }
    return NULL;
}

/* ---- Words of the file ---------------------------------------------------------------------- */

/* Reads in the secret memory itself: a word is a place in it. */
struct reader {
    const char *path;
    char *at;
    char *end; /* there is a NUL there */
    unsigned line;
    char *word; /* a word, a quoted string without its quotes, or one of "{};" */
    size_t length;
    bool quoted;
};

static enum keyd_status wrong(const struct reader *reader, struct keyd_error *err,
                              const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum keyd_status wrong(const struct reader *reader, struct keyd_error *err,
                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum keyd_status status = keyd_vfail(err, KEYD_INVALID_ARGUMENT, "TSIG_KEY", format, args);
    va_end(args);
    if (err != NULL)
        keyd_wrap(err, "%s:%u", reader->path, reader->line);
    return status;
}

static bool begins(const struct reader *reader, const char *text)
{
    return strncmp(reader->at, text, strlen(text)) == 0;
}

static void skip_to(struct reader *reader, const char *ending)
{
    while (reader->at < reader->end && !begins(reader, ending)) {
        if (*reader->at++ == '\n')
            reader->line++;
    }
}

/* Blanks and the three kinds of comments that named knows. */
static void skip_blanks(struct reader *reader)
{
    for (;;) {
        char c = *reader->at;
        if (c == '\n')
            reader->line++;
        if (reader->at < reader->end && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
            reader->at++;
        } else if (c == '#' || begins(reader, "//")) {
            skip_to(reader, "\n");
        } else if (begins(reader, "/*")) {
            skip_to(reader, "*/");
            reader->at += reader->at < reader->end ? 2 : 0;
        } else {
            return;
        }
    }
}

/* At the end the word is empty and not quoted. False when a quote is not closed. */
static bool next_word(struct reader *reader)
{
    skip_blanks(reader);
    reader->quoted = *reader->at == '"';
    reader->word = reader->at;
    if (reader->quoted) {
        reader->word = ++reader->at;
        size_t length = strcspn(reader->at, "\"\n");
        reader->length = length;
        reader->at += length;
        if (*reader->at != '"')
            return false;
        reader->at++;
        return true;
    }
    reader->length = strcspn(reader->at, " \t\r\n\"#{};");
    if (reader->length == 0 && reader->at < reader->end)
        reader->length = 1;
    reader->at += reader->length;
    return true;
}

static bool is_word(const struct reader *reader, const char *word)
{
    return !reader->quoted && reader->length == strlen(word) &&
           strncasecmp(reader->word, word, reader->length) == 0;
}

/* Nothing that was read is shown: it may be the secret. */
static enum keyd_status expect(struct reader *reader, const char *word, struct keyd_error *err)
{
    if (next_word(reader) && is_word(reader, word))
        return KEYD_OK;
    return wrong(reader, err, "'%s' was expected here: a file as tsig-keygen writes it", word);
}

static enum keyd_status value(struct reader *reader, const char *what, struct keyd_error *err)
{
    bool good = next_word(reader) && reader->length > 0;
    if (good && (reader->quoted || strchr("{};", reader->word[0]) == NULL))
        return KEYD_OK;
    return wrong(reader, err, "%s is missing, or its quote is not closed", what);
}

/* ---- The key -------------------------------------------------------------------------------- */

static enum keyd_status read_name(struct reader *reader, struct tsig_key *key,
                                  struct keyd_error *err)
{
    enum keyd_status status = value(reader, "the key's name", err);
    if (status != KEYD_OK)
        return status;
    const char *why = dname_parse(reader->word, reader->length, NULL, &key->name);
    if (why != NULL)
        return wrong(reader, err, "the key's name is no name: %s", why);
    dname_lower(key->name.wire);
    return KEYD_OK;
}

static enum keyd_status read_algorithm(struct reader *reader, struct tsig_key *key,
                                       struct keyd_error *err)
{
    enum keyd_status status = value(reader, "the algorithm", err);
    if (status != KEYD_OK)
        return status;
    key->algorithm = tsig_algorithm_find(reader->word, reader->length);
    if (key->algorithm != NULL)
        return KEYD_OK;
    if (reader->length > 32 || strspn(reader->word, ALGORITHM_CHARACTERS) < reader->length)
        return wrong(reader, err, "there is no such algorithm: make a key with tsig-keygen");
    return wrong(reader, err,
                 "algorithm %.*s is not used here: make a key of hmac-sha256, as tsig-keygen does "
                 "(hmac-sha224, hmac-sha384 and hmac-sha512 are known too)",
                 (int)reader->length, reader->word);
}

static enum keyd_status read_secret(struct reader *reader, struct tsig_key *key,
                                    struct keyd_error *err)
{
    enum keyd_status status = value(reader, "the secret", err);
    if (status != KEYD_OK)
        return status;
    if (key->secret != NULL)
        return wrong(reader, err, "a second secret");
    key->secret = keyd_secret_new(TSIG_SECRET_MAX);
    if (key->secret == NULL)
        return keyd_fail_errno(err, errno, "no locked memory for the secret (see ulimit -l)");
    char *end = reader->word + reader->length;
    char kept = *end;
    *end = '\0';
    bool good =
        base64_decode(reader->word, key->secret->data, key->secret->size, &key->secret->length);
    *end = kept;
    if (!good || key->secret->length == 0)
        return wrong(reader, err, "the secret is no base64, or of more than %d bytes",
                     TSIG_SECRET_MAX);
    return KEYD_OK;
}

static enum keyd_status read_statement(struct reader *reader, struct tsig_key *key,
                                       struct keyd_error *err)
{
    enum keyd_status status = KEYD_OK;
    if (is_word(reader, "algorithm"))
        status = read_algorithm(reader, key, err);
    else if (is_word(reader, "secret"))
        status = read_secret(reader, key, err);
    else
        return wrong(reader, err, "'algorithm', 'secret' or '}' was expected here");
    return status == KEYD_OK ? expect(reader, ";", err) : status;
}

static enum keyd_status read_key(struct reader *reader, struct tsig_key *key,
                                 struct keyd_error *err)
{
    enum keyd_status status = expect(reader, "key", err);
    if (status == KEYD_OK)
        status = read_name(reader, key, err);
    if (status == KEYD_OK)
        status = expect(reader, "{", err);
    while (status == KEYD_OK) {
        if (!next_word(reader))
            return wrong(reader, err, "a quote is not closed");
        if (is_word(reader, "}"))
            break;
        status = read_statement(reader, key, err);
    }
    if (status != KEYD_OK)
        return status;
    if (key->algorithm == NULL || key->secret == NULL)
        return wrong(reader, err, "the key has no %s",
                     key->algorithm == NULL ? "algorithm" : "secret");
    status = expect(reader, ";", err);
    if (status == KEYD_OK && (!next_word(reader) || reader->length > 0 || reader->quoted))
        return wrong(reader, err, "there is more than one key: give each a file of its own");
    return status;
}

enum keyd_status tsig_key_read(const char *path, struct tsig_key *key, struct keyd_error *err)
{
    struct keyd_secret *file = NULL;
    *key = (struct tsig_key){0};
    enum keyd_status status = keyd_secret_read(path, TSIG_FILE_MAX, &file, err);
    if (status != KEYD_OK)
        return status;
    struct reader reader = {.path = path, .at = (char *)file->data, .line = 1};
    reader.end = reader.at + file->length; /* never the memory's end: that has room for CR LF */
    *reader.end = '\0';
    if (memchr(file->data, 0, file->length) != NULL)
        status = wrong(&reader, err, "there is a NUL in the file: it is none of a key");
    else
        status = read_key(&reader, key, err);
    keyd_secret_free(file);
    if (status != KEYD_OK)
        tsig_key_free(key);
    return status;
}

void tsig_key_free(struct tsig_key *key)
{
    keyd_secret_free(key->secret);
    *key = (struct tsig_key){0};
}
