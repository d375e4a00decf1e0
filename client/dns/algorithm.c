/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/algorithm.h"

#include <string.h>
#include <strings.h>

#define RSA_KEY_SPECS                                                                              \
    {                                                                                              \
        {"RSA_2048", 2048}, {"RSA_3072", 3072}, {"RSA_4096", 4096},                                \
    }

static const struct dnssec_algorithm rows[] = {
    {.number = 8,
     .mnemonic = "RSASHA256",
     .kind = DNSSEC_RSA,
     .key_specs = RSA_KEY_SPECS,
     .signing_algorithm = "RSASSA_PKCS1_V1_5_SHA_256",
     .key_type = "RSA",
     .hash = "SHA256"},
    {.number = 10,
     .mnemonic = "RSASHA512",
     .kind = DNSSEC_RSA,
     .key_specs = RSA_KEY_SPECS,
     .signing_algorithm = "RSASSA_PKCS1_V1_5_SHA_512",
     .key_type = "RSA",
     .hash = "SHA512"},
    {.number = 13,
     .mnemonic = "ECDSAP256SHA256",
     .kind = DNSSEC_ECDSA,
     .key_specs = {{"ECC_NIST_P256", 256}},
     .signing_algorithm = "ECDSA_SHA_256",
     .key_type = "EC",
     .group = "P-256",
     .hash = "SHA256",
     .public_key = 64,
     .signature = 64},
    {.number = 14,
     .mnemonic = "ECDSAP384SHA384",
     .kind = DNSSEC_ECDSA,
     .key_specs = {{"ECC_NIST_P384", 384}},
     .signing_algorithm = "ECDSA_SHA_384",
     .key_type = "EC",
     .group = "P-384",
     .hash = "SHA384",
     .public_key = 96,
     .signature = 96},
    {.number = 15,
     .mnemonic = "ED25519",
     .kind = DNSSEC_EDWARDS,
     .key_specs = {{"ECC_NIST_EDWARDS25519", 256}},
     .signing_algorithm = "ED25519_SHA_512",
     .key_type = "ED25519",
     .public_key = 32,
     .signature = 64},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

const struct dnssec_algorithm *dnssec_algorithm_find(unsigned number)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].number == number)
            return &rows[i];
    }
    return NULL;
}

const struct dnssec_algorithm *dnssec_algorithm_at(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

const struct dnssec_key_spec *dnssec_key_spec(const struct dnssec_algorithm *algorithm,
                                              unsigned bits)
{
    const struct dnssec_key_spec *specs = algorithm->key_specs;
    for (size_t i = 0; i < DNSSEC_KEY_SPECS_MAX && specs[i].name != NULL; i++) {
        if (bits == 0 || specs[i].bits == bits)
            return &specs[i];
    }
    return NULL;
}

struct mnemonic {
    uint8_t number;
    const char *text;
};

static const struct mnemonic registry[] = {
    {1, "RSAMD5"},
    {2, "DH"},
    {3, "DSA"},
    {5, "RSASHA1"},
    {6, "DSA-NSEC3-SHA1"},
    {7, "RSASHA1-NSEC3-SHA1"},
    {6, "NSEC3DSA"}, /* as BIND writes it */
    {7, "NSEC3RSASHA1"},
    {8, "RSASHA256"},
    {10, "RSASHA512"},
    {12, "ECC-GOST"},
    {13, "ECDSAP256SHA256"},
    {14, "ECDSAP384SHA384"},
    {15, "ED25519"},
    {16, "ED448"},
    {252, "INDIRECT"},
    {253, "PRIVATEDNS"},
    {254, "PRIVATEOID"},
};

static const struct mnemonic digests[] = {{1, "SHA-1"},  {1, "SHA1"}, {2, "SHA-256"},
                                          {2, "SHA256"}, {3, "GOST"}, {4, "SHA-384"},
                                          {4, "SHA384"}};

static bool parse(const struct mnemonic *mnemonics, size_t count, const char *text, size_t length,
                  uint8_t *number)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(mnemonics[i].text) == length &&
            strncasecmp(mnemonics[i].text, text, length) == 0) {
            *number = mnemonics[i].number;
            return true;
        }
    }
    unsigned value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || value > 255)
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *number = (uint8_t)value;
    return length > 0 && value <= 255;
}

bool dnssec_algorithm_parse(const char *text, size_t length, uint8_t *number)
{
    return parse(registry, sizeof registry / sizeof registry[0], text, length, number);
}

bool dnssec_digest_parse(const char *text, size_t length, uint8_t *number)
{
    return parse(digests, sizeof digests / sizeof digests[0], text, length, number);
}

const char *dnssec_digest_name(unsigned type)
{
    switch (type) {
    case 1:
        return "SHA-1";
    case 2:
        return "SHA-256";
    case 4:
        return "SHA-384";
    default:
        return "?";
    }
}
