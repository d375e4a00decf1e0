/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/algorithm.h"

#include <string.h>
#include <strings.h>

static const struct dnssec_algorithm rows[] = {
    {.number = DNSSEC_ECDSAP256SHA256,
     .mnemonic = "ECDSAP256SHA256",
     .key_spec = "ECC_NIST_P256",
     .signing_algorithm = "ECDSA_SHA_256",
     .group = "P-256",
     .hash = "SHA256",
     .field = 32,
     .signature = 64},
};

const struct dnssec_algorithm *dnssec_algorithm_find(unsigned number)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].number == number)
            return &rows[i];
    }
    return NULL;
}

static const struct {
    uint8_t number;
    const char *mnemonic;
} registry[] = {
    {1, "RSAMD5"},
    {2, "DH"},
    {3, "DSA"},
    {5, "RSASHA1"},
    {6, "DSA-NSEC3-SHA1"},
    {7, "RSASHA1-NSEC3-SHA1"},
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

bool dnssec_algorithm_parse(const char *text, size_t length, uint8_t *number)
{
    for (size_t i = 0; i < sizeof registry / sizeof registry[0]; i++) {
        if (strlen(registry[i].mnemonic) == length &&
            strncasecmp(registry[i].mnemonic, text, length) == 0) {
            *number = registry[i].number;
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
