/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/keyfile.h"

#include <errno.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/dns/dname.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "client/dnssec/keytext.h"
#include "keyd/base/file.h"
#include "keyd/base/secret.h"

void keyfile_zone_name(const uint8_t *zone, char name[KEYFILE_NAME])
{
    char *at = name;
    if (zone[0] == 0)
        *at++ = '.';
    for (; zone[0] != 0; zone += 1 + zone[0]) {
        for (size_t i = 1; i <= zone[0]; i++) {
            char c = (char)zone[i];
            if (c >= 'A' && c <= 'Z')
                c = (char)(c + ('a' - 'A'));
            if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')
                *at++ = c;
            else
                at += snprintf(at, 4, "%%%02X", zone[i]);
        }
        *at++ = '.';
    }
    *at = '\0';
}

void keyfile_name(const uint8_t *zone, const struct dnskey *key, char name[KEYFILE_NAME])
{
    char text[KEYFILE_NAME];
    keyfile_zone_name(zone, text);
    if (snprintf(name, KEYFILE_NAME, "K%s+%03u+%05u", text, key->algorithm, dnskey_tag(key)) >=
        KEYFILE_NAME)
        name[0] = '\0'; /* cannot be: 3 * 255 characters and 12 */
}

static enum keyd_status path_of(const char *folder, const char *name, const char *ending,
                                char path[PATH_MAX], struct keyd_error *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s%s", folder, name, ending) >= PATH_MAX)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s/%s%s", folder, name, ending);
    return KEYD_OK;
}

static EVP_PKEY *generate(const struct dnssec_algorithm *algorithm)
{
    switch (algorithm->kind) {
    case DNSSEC_RSA:
        return EVP_RSA_gen(KEYFILE_RSA_BITS);
    case DNSSEC_ECDSA:
        return EVP_EC_gen(algorithm->group);
    case DNSSEC_EDWARDS:
        return EVP_PKEY_Q_keygen(NULL, NULL, algorithm->key_type);
    }
    return NULL;
}

enum keyd_status keyfile_generate(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  EVP_PKEY **pkey, struct dnskey *key, struct keyd_error *err)
{
    EVP_PKEY *made = generate(algorithm);
    if (made == NULL)
        return keyd_fail_openssl(err, "making a key of algorithm %s", algorithm->mnemonic);
    enum keyd_status status = dnskey_from_pkey(algorithm, flags, made, key, err);
    if (status != KEYD_OK) {
        EVP_PKEY_free(made);
        return status;
    }
    *pkey = made;
    return KEYD_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void append_times(struct keyd_secret *text, int64_t now_ms)
{
    static const char *const names[] = {"Created", "Publish", "Activate"};
    char time[16];
    char line[48];
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(time, sizeof time, "%Y%m%d%H%M%S", &tm);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(line, sizeof line, "%s: %s\n", names[i], time);
        keytext_append(text, line);
    }
}

static enum keyd_status write_private(const char *path, const struct dnssec_algorithm *algorithm,
                                      const EVP_PKEY *pkey, int64_t now_ms, struct keyd_error *err)
{
    char line[80];
    struct keyd_secret *text = keyd_secret_new(KEYTEXT_FILE_MAX);
    if (text == NULL)
        return keyd_fail_errno(err, errno, "no locked memory for %s (see ulimit -l)", path);
    snprintf(line, sizeof line, "Private-key-format: v1.3\nAlgorithm: %u (%s)\n", algorithm->number,
             algorithm->mnemonic);
    keytext_append(text, line);
    enum keyd_status status = KEYD_OK;
    if (!keytext_append_key(text, algorithm, pkey))
        status = keyd_fail_openssl(err, "the private half for %s", path);
    append_times(text, now_ms);
    if (status == KEYD_OK)
        status = file_replace(path, text->data, text->length, 0600, err);
    keyd_secret_free(text);
    return status;
}

static enum keyd_status write_public(const char *path, const uint8_t *zone,
                                     const struct dnskey *key, struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    struct bytes rdata = {0};
    struct bytes text = {0};
    dname_format(zone, owner);
    dnskey_rdata(key, &rdata);
    bytes_format(&text, "; This is a %s key, keyid %u, for %s\n%s IN DNSKEY ",
                 key->flags & DNSKEY_SEP ? "key-signing" : "zone-signing", dnskey_tag(key), owner,
                 owner);
    if (!rdata.failed)
        rdata_format(TYPE_DNSKEY, rdata.data, rdata.length, &text);
    bytes_u8(&text, '\n');
    enum keyd_status status = rdata.failed || text.failed
                                  ? keyd_fail_errno(err, ENOMEM, "%s", path)
                                  : file_replace(path, text.data, text.length, 0644, err);
    bytes_free(&rdata);
    bytes_free(&text);
    return status;
}

enum keyd_status keyfile_write(const char *folder, const uint8_t *zone, const EVP_PKEY *pkey,
                               const struct dnskey *key, int64_t now_ms, struct keyd_error *err)
{
    char name[KEYFILE_NAME];
    char public[PATH_MAX];
    char private[PATH_MAX];
    keyfile_name(zone, key, name);
    enum keyd_status status = path_of(folder, name, ".key", public, err);
    if (status == KEYD_OK)
        status = path_of(folder, name, ".private", private, err);
    if (status == KEYD_OK)
        status = write_public(public, zone, key, err);
    if (status == KEYD_OK)
        status = write_private(private, dnssec_algorithm_find(key->algorithm), pkey, now_ms, err);
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static enum keyd_status parse_private(const char *path, char *text, const struct dnskey *key,
                                      EVP_PKEY **pkey, struct keyd_error *err)
{
    const char *format = keytext_field(text, "Private-key-format");
    const char *number = keytext_field(text, "Algorithm");
    if (format == NULL || strncmp(format, "v1.", 3) != 0 || number == NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE",
                         "%s is no private key file (Private-key-format: v1.3)", path);
    if (strtoul(number, NULL, 10) != key->algorithm)
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s: not of algorithm %u", path,
                         key->algorithm);
    return keytext_parse_key(path, text, key, pkey, err);
}

enum keyd_status keyfile_load(const char *folder, const char *name, const struct dnskey *key,
                              EVP_PKEY **pkey, struct keyd_error *err)
{
    char path[PATH_MAX];
    struct keyd_secret *text = NULL;
    enum keyd_status status = path_of(folder, name, ".private", path, err);
    if (status == KEYD_OK)
        status = keyd_secret_read(path, KEYTEXT_FILE_MAX, &text, err);
    if (status == KEYD_NOT_FOUND)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "KEY_FILE_MISSING",
                         "%s is missing: put it back from a backup; without the ZSK's private half "
                         "the zone cannot be signed again",
                         path);
    if (status != KEYD_OK)
        return status;
    status = parse_private(path, (char *)text->data, key, pkey, err);
    keyd_secret_free(text);
    return status;
}

enum keyd_status keyfile_load_public(const char *folder, const char *name, const uint8_t *zone,
                                     struct dnskey *key, struct keyd_error *err)
{
    char path[PATH_MAX];
    struct zone *file = NULL;
    enum keyd_status status = path_of(folder, name, ".key", path, err);
    if (status == KEYD_OK)
        status = zonefile_load_with_ttl(path, zone, 0, &file, err);
    if (status != KEYD_OK)
        return status;
    struct rrset set;
    struct rdata rdata = {0};
    bool found = zone_records(file) == 1 && zone_find(file, zone, TYPE_DNSKEY, &set);
    if (found)
        rdata = rrset_rdata(&set, 0);
    if (!found || !dnskey_from_rdata(rdata.data, rdata.length, key))
        status = keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s does not hold one DNSKEY", path);
    zone_free(file);
    return status;
}

/* ---- Pairs made elsewhere ------------------------------------------------------------------- */

/* Folder and name of a pair from a path that may have an ending. */
static enum keyd_status split_path(const char *path, char folder[PATH_MAX], char name[KEYFILE_NAME],
                                   struct keyd_error *err)
{
    static const char *const endings[] = {".private", ".key", "."};
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;
    int folder_length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    size_t length = strlen(last);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(last + length - ending, endings[i]) == 0) {
            length -= ending;
            break;
        }
    }
    if (snprintf(folder, PATH_MAX, "%.*s", folder_length, slash != NULL ? path : ".") >= PATH_MAX ||
        snprintf(name, KEYFILE_NAME, "%.*s", (int)length, last) >= KEYFILE_NAME)
        return keyd_fail_errno(err, ENAMETOOLONG, "%s", path);
    return KEYD_OK;
}

enum keyd_status keyfile_pair(const char *path, char public[PATH_MAX], char private[PATH_MAX],
                              struct keyd_error *err)
{
    char folder[PATH_MAX];
    char name[KEYFILE_NAME];
    enum keyd_status status = split_path(path, folder, name, err);
    if (status == KEYD_OK)
        status = path_of(folder, name, ".key", public, err);
    return status == KEYD_OK ? path_of(folder, name, ".private", private, err) : status;
}

enum keyd_status keyfile_load_pair(const char *path, const uint8_t *zone, struct dnskey *key,
                                   EVP_PKEY **pkey, struct keyd_error *err)
{
    char folder[PATH_MAX];
    char name[KEYFILE_NAME];
    char private[PATH_MAX];
    enum keyd_status status = split_path(path, folder, name, err);
    if (status == KEYD_OK)
        status = path_of(folder, name, ".private", private, err);
    if (status == KEYD_OK)
        status = keyfile_load_public(folder, name, zone, key, err);
    if (status == KEYD_OK && access(private, F_OK) != 0)
        return keyd_fail_errno(err, errno, "%s", private);
    return status == KEYD_OK ? keyfile_load(folder, name, key, pkey, err) : status;
}

/* The time of "; NAME: YYYYMMDDHHMMSS (...)" in a .key file; NULL when there is none. */
static const char *find_time(const char *text, const char *name)
{
    char line[32];
    snprintf(line, sizeof line, "\n; %s: ", name);
    const char *found = strstr(text, line);
    if (found == NULL || strspn(found + strlen(line), "0123456789") != 14)
        return NULL;
    return found + strlen(line);
}

void keyfile_times(const char *path, int64_t now_ms, char text[KEYFILE_TIMES])
{
    static const char *const starts[] = {"Publish", "Activate"};
    static const char *const ends[] = {"Revoke", "Inactive", "Delete"};
    char folder[PATH_MAX];
    char name[KEYFILE_NAME];
    char public[PATH_MAX];
    char now[16];
    char *file = NULL;
    size_t size = 0;
    size_t used = 0;
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    text[0] = '\0';
    if (split_path(path, folder, name, NULL) != KEYD_OK ||
        path_of(folder, name, ".key", public, NULL) != KEYD_OK ||
        file_read(public, KEYTEXT_FILE_MAX, &file, &size, NULL) != KEYD_OK)
        return;
    gmtime_r(&seconds, &tm);
    strftime(now, sizeof now, "%Y%m%d%H%M%S", &tm);
    for (size_t i = 0; i < 5 && used < KEYFILE_TIMES; i++) {
        const char *what = i < 2 ? starts[i] : ends[i - 2];
        const char *time = find_time(file, what);
        if (time == NULL || (i < 2 && strncmp(time, now, 14) <= 0))
            continue;
        used += (size_t)snprintf(text + used, KEYFILE_TIMES - used, "%s%s %.14s",
                                 used > 0 ? ", " : "", what, time);
    }
    free(file);
}
