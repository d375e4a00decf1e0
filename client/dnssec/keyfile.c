/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/keyfile.h"

#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/dns/dname.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"
#include "keyd/base/secret.h"

#define PRIVATE_FILE_MAX 8192 /* bytes: RSA-4096 in BIND's format has some 4,000 */
#define SCALAR_MAX       66   /* bytes: P-521 */

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

enum keyd_status keyfile_generate(const struct dnssec_algorithm *algorithm, uint16_t flags,
                                  EVP_PKEY **pkey, struct dnskey *key, struct keyd_error *err)
{
    EVP_PKEY *made = EVP_EC_gen(algorithm->group);
    if (made == NULL)
        return keyd_fail_openssl(err, "making a %s key", algorithm->group);
    enum keyd_status status = dnskey_from_pkey(algorithm, flags, made, key, err);
    if (status != KEYD_OK) {
        EVP_PKEY_free(made);
        return status;
    }
    *pkey = made;
    return KEYD_OK;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void append(struct keyd_secret *text, const char *part)
{
    size_t length = strlen(part);
    if (text->size - text->length < length)
        abort(); /* PRIVATE_FILE_MAX is far more than the lines below */
    memcpy(text->data + text->length, part, length);
    text->length += length;
}

static bool append_scalar(struct keyd_secret *text, const EVP_PKEY *pkey, size_t field)
{
    uint8_t scalar[SCALAR_MAX];
    char printed[BASE64_TEXT(SCALAR_MAX)];
    BIGNUM *private = NULL;
    bool good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &private) == 1 &&
                BN_bn2binpad(private, scalar, (int)field) == (int)field;
    if (good) {
        base64_encode(scalar, field, printed);
        append(text, printed);
    }
    BN_clear_free(private);
    OPENSSL_cleanse(scalar, sizeof scalar);
    OPENSSL_cleanse(printed, sizeof printed);
    return good;
}

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
        append(text, line);
    }
}

static enum keyd_status write_private(const char *path, const struct dnssec_algorithm *algorithm,
                                      const EVP_PKEY *pkey, int64_t now_ms, struct keyd_error *err)
{
    char line[80];
    struct keyd_secret *text = keyd_secret_new(PRIVATE_FILE_MAX);
    if (text == NULL)
        return keyd_fail_errno(err, errno, "no locked memory for %s (see ulimit -l)", path);
    append(text, "Private-key-format: v1.3\n");
    snprintf(line, sizeof line, "Algorithm: %u (%s)\nPrivateKey: ", algorithm->number,
             algorithm->mnemonic);
    append(text, line);
    enum keyd_status status = KEYD_OK;
    if (!append_scalar(text, pkey, algorithm->field))
        status = keyd_fail_openssl(err, "the private half for %s", path);
    append(text, "\n");
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

/* The value of "NAME: value", ended by NUL in place; NULL when there is no such line. */
static char *field_of(char *text, const char *name)
{
    size_t length = strlen(name);
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

static EVP_PKEY *build_key(const struct dnssec_algorithm *algorithm, const struct dnskey *key,
                           const BIGNUM *private)
{
    uint8_t point[1 + DNSSEC_PUBLIC_KEY_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, key->key, key->length);
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (ctx != NULL && build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, algorithm->group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + key->length) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, private) &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    OSSL_PARAM *secret =
        params != NULL ? OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PRIV_KEY) : NULL;
    if (secret != NULL)
        OPENSSL_cleanse(secret->data, secret->data_size);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* Whether private and public half belong together. */
static bool is_pair(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool good = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static enum keyd_status parse_private(const char *path, char *text, const struct dnskey *key,
                                      EVP_PKEY **pkey, struct keyd_error *err)
{
    const struct dnssec_algorithm *algorithm = dnssec_algorithm_find(key->algorithm);
    const char *format = field_of(text, "Private-key-format");
    const char *number = field_of(text, "Algorithm");
    char *value = field_of(text, "PrivateKey");
    uint8_t scalar[SCALAR_MAX];
    size_t length = 0;
    if (format == NULL || strncmp(format, "v1.", 3) != 0 || number == NULL || value == NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE",
                         "%s is no private key file (Private-key-format: v1.3)", path);
    if (algorithm == NULL || strtoul(number, NULL, 10) != key->algorithm)
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s: not of algorithm %u", path,
                         key->algorithm);
    value[strcspn(value, "\r\n")] = '\0';
    bool decoded = base64_decode(value, scalar, algorithm->field, &length);
    BIGNUM *private = decoded ? BN_bin2bn(scalar, (int)length, NULL) : NULL;
    OPENSSL_cleanse(scalar, sizeof scalar);
    if (private == NULL)
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s: PrivateKey is damaged", path);
    EVP_PKEY *made = build_key(algorithm, key, private);
    BN_clear_free(private);
    if (made == NULL || !is_pair(made)) {
        EVP_PKEY_free(made);
        ERR_clear_error();
        return keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE",
                         "%s is not the private half of the key with tag %u: put the right file "
                         "back from a backup",
                         path, dnskey_tag(key));
    }
    *pkey = made;
    return KEYD_OK;
}

enum keyd_status keyfile_load(const char *folder, const char *name, const struct dnskey *key,
                              EVP_PKEY **pkey, struct keyd_error *err)
{
    char path[PATH_MAX];
    struct keyd_secret *text = NULL;
    enum keyd_status status = path_of(folder, name, ".private", path, err);
    if (status == KEYD_OK)
        status = keyd_secret_read(path, PRIVATE_FILE_MAX, &text, err);
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
    const struct rrset *set = zone_find(file, zone, TYPE_DNSKEY);
    if (zone_count(file) != 1 || set == NULL || set->count != 1 ||
        !dnskey_from_rdata(set->rdatas[0].data, set->rdatas[0].length, key))
        status = keyd_fail(err, KEYD_DATA_LOSS, "KEY_FILE", "%s does not hold one DNSKEY", path);
    zone_free(file);
    return status;
}
