/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/dnssec/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/dnssec/keyfile.h"
#include "client/dnssec/sign.h"
#include "tests/dnssec/lab.h"

const char zone_text[] =
    "$TTL 3600\n"
    "@ 7200 SOA ns1 hostmaster 7 2 3 4 300\n"
    "@ NS ns1\n"
    "@ NS NS2.example.org.\n"
    "ns1 A 192.0.2.1\n"
    "ns2 A 192.0.2.2\n"
    "a.b.c A 192.0.2.3\n"
    "*.wild TXT w\n"
    "sub NS ns.sub\n"
    "sub DS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2\n"
    "sub A 192.0.2.9\n"
    "ns.sub A 192.0.2.4\n"
    "NS.deep.sub A 192.0.2.5\n"
    "deep.sub NS ns.deep.sub\n"
    "unsec NS ns.example.\n"
    "z MX 10 Mail.Example.org.\n";

static void die(const char *what)
{
    fprintf(stderr, "keys: %s\n", what);
    abort();
}

struct keys *make_keys_of(unsigned ksk_algorithm, unsigned zsk_algorithm)
{
    struct keys *keys = calloc(1, sizeof *keys);
    for (size_t i = 0; i < 2; i++) {
        const struct dnssec_algorithm *algorithm =
            dnssec_algorithm_find(i == 0 ? ksk_algorithm : zsk_algorithm);
        if (keyfile_generate(algorithm, i == 0 ? DNSKEY_KSK : DNSKEY_ZSK, &keys->pkeys[i],
                             &keys->dnskeys[i], NULL) != KEYD_OK)
            die("a key");
        keys->soft[i] = (struct soft_signer){algorithm, keys->pkeys[i]};
        keys->signers[i] = soft_signer(&keys->soft[i], &keys->dnskeys[i]);
    }
    return keys;
}

struct keys *make_keys(void)
{
    return make_keys_of(13, 13);
}

void free_keys(struct keys *keys)
{
    EVP_PKEY_free(keys->pkeys[0]);
    EVP_PKEY_free(keys->pkeys[1]);
    free(keys);
}

static enum keyd_status add_text(void *context, const void *text, size_t length,
                                 struct keyd_error *err)
{
    (void)err;
    bytes_add(context, text, length);
    return KEYD_OK;
}

static enum keyd_status patch_text(void *context, size_t at, const void *text, size_t length,
                                   struct keyd_error *err)
{
    (void)err;
    struct bytes *bytes = context;
    if (at + length > bytes->length)
        die("a patch behind the end");
    memcpy(bytes->data + at, text, length);
    return KEYD_OK;
}

static struct sign_output output_to(struct bytes *text)
{
    return (struct sign_output){add_text, patch_text, text};
}

char *sign_denying(const struct zone *zone, const struct keys *keys, int64_t now,
                   struct denial denial, unsigned threads)
{
    struct keyd_error err = {.message = ""};
    struct bytes text = {0};
    struct sign_count count;
    struct progress progress = {0};
    const struct signing signing = {.dnskeys = keys->dnskeys,
                                    .dnskey_count = 2,
                                    .ksks = &keys->signers[0],
                                    .ksk_count = 1,
                                    .zsks = &keys->signers[1],
                                    .zsk_count = 1,
                                    .dnskey_ttl = 600,
                                    .inception = (uint32_t)(now - 3600),
                                    .expiration = (uint32_t)(now + 86400),
                                    .serial = 8,
                                    .denial = denial,
                                    .zonemd = keys->zonemd,
                                    .threads = threads,
                                    .progress = &progress};
    const struct sign_output output = output_to(&text);
    if (sign_zone(zone, &signing, &output, &count, &err) != KEYD_OK)
        die(err.message);
    if (atomic_load(&progress.done) != atomic_load(&progress.total))
        die("not all of it was counted");
    bytes_u8(&text, '\0');
    if (text.failed)
        die("no memory");
    return (char *)text.data;
}

char *sign_with(const struct zone *zone, const struct keys *keys, int64_t now)
{
    return sign_denying(zone, keys, now, (struct denial){0}, 0);
}
