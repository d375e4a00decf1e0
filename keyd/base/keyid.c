/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/keyid.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/base/log.h"

static void stamp(struct keyid *id, uint8_t version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | (version << 4));
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80); /* the variant, RFC 9562, 4.1 */
}

struct keyid keyid_random(void)
{
    struct keyid id;
    if (RAND_bytes(id.bytes, sizeof id.bytes) != 1) {
        log_error("OpenSSL's random generator failed");
        abort();
    }
    stamp(&id, 4);
    return id;
}

struct keyid keyid_derive(const char *principal, const char *request_id, unsigned attempt)
{
    static const char domain[] = "keyd.v1 key id";
    uint8_t number[4] = {(uint8_t)(attempt >> 24), (uint8_t)(attempt >> 16),
                         (uint8_t)(attempt >> 8), (uint8_t)attempt};
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    /* Each part goes in with its NUL, so that no two triples give the same bytes. */
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, domain, sizeof domain) != 1 ||
        EVP_DigestUpdate(ctx, principal, strlen(principal) + 1) != 1 ||
        EVP_DigestUpdate(ctx, request_id, strlen(request_id) + 1) != 1 ||
        EVP_DigestUpdate(ctx, number, sizeof number) != 1 ||
        EVP_DigestFinal_ex(ctx, digest, NULL) != 1) {
        log_error("OpenSSL's SHA-256 failed");
        abort();
    }
    EVP_MD_CTX_free(ctx);
    struct keyid id;
    memcpy(id.bytes, digest, sizeof id.bytes);
    stamp(&id, 8);
    return id;
}

static bool is_dash(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void keyid_format(const struct keyid *id, char text[KEYID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < KEYID_SIZE; i++) {
        if (is_dash(at))
            text[at++] = '-';
        text[at++] = digits[id->bytes[i] >> 4];
        text[at++] = digits[id->bytes[i] & 15];
    }
    text[at] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool keyid_parse(const char *text, struct keyid *id)
{
    if (strlen(text) != KEYID_TEXT - 1)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < KEYID_SIZE; i++) {
        if (is_dash(at) && text[at++] != '-')
            return false;
        int high = hex_value(text[at++]);
        int low = hex_value(text[at++]);
        if (high < 0 || low < 0)
            return false;
        id->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int keyid_compare(const struct keyid *a, const struct keyid *b)
{
    return memcmp(a->bytes, b->bytes, KEYID_SIZE);
}

bool name_is_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return length >= 1 && length <= NAME_MAX_LENGTH && name[length] == '\0';
}

static bool looks_like_uuid(const char *name)
{
    if (strlen(name) != KEYID_TEXT - 1)
        return false;
    for (size_t i = 0; name[i] != '\0'; i++)
        if (is_dash(i) ? name[i] != '-' : strchr("0123456789abcdefABCDEF", name[i]) == NULL)
            return false;
    return true;
}

bool alias_is_valid(const char *alias)
{
    size_t prefix = sizeof ALIAS_PREFIX - 1;
    return strncmp(alias, ALIAS_PREFIX, prefix) == 0 && name_is_valid(alias + prefix) &&
           !looks_like_uuid(alias + prefix);
}
