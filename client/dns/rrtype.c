/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/rrtype.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* In the order of their numbers. */
static const struct rrtype_row rows[] = {
    {1, "A", "a"},
    {2, "NS", "N"},
    {3, "MD", "N"},
    {4, "MF", "N"},
    {5, "CNAME", "N"},
    {6, "SOA", "NN4TTTT"},
    {7, "MB", "N"},
    {8, "MG", "N"},
    {9, "MR", "N"},
    {11, "WKS", NULL},
    {12, "PTR", "N"},
    {13, "HINFO", "ss"},
    {14, "MINFO", "NN"},
    {15, "MX", "2N"},
    {16, "TXT", "S"},
    {17, "RP", "NN"},
    {18, "AFSDB", "2N"},
    {19, "X25", "s"},
    {20, "ISDN", "S"},
    {21, "RT", "2N"},
    {22, "NSAP", NULL},
    {25, "KEY", "21gb"},
    {26, "PX", "2NN"},
    {27, "GPOS", "sss"},
    {28, "AAAA", "A"},
    {29, "LOC", NULL},
    {33, "SRV", "222N"},
    {35, "NAPTR", "22sssN"},
    {36, "KX", "2N"},
    {37, "CERT", NULL},
    {39, "DNAME", "N"},
    {42, "APL", NULL},
    {43, "DS", "2g1h"},
    {44, "SSHFP", "11h"},
    {45, "IPSECKEY", NULL},
    {46, "RRSIG", "yg1Tdd2nb"},
    {47, "NSEC", "nm"},
    {48, "DNSKEY", "21gb"},
    {49, "DHCID", "b"},
    {50, "NSEC3", "112Hxm"},
    {51, "NSEC3PARAM", "112H"},
    {52, "TLSA", "111h"},
    {53, "SMIMEA", "111h"},
    {55, "HIP", NULL},
    {56, "NINFO", "S"},
    {58, "TALINK", "nn"},
    {59, "CDS", "2g1h"},
    {60, "CDNSKEY", "21gb"},
    {61, "OPENPGPKEY", "b"},
    {62, "CSYNC", "42m"},
    {63, "ZONEMD", "411h"},
    {64, "SVCB", NULL},
    {65, "HTTPS", NULL},
    {99, "SPF", "S"},
    {104, "NID", NULL},
    {105, "L32", "2a"},
    {106, "L64", NULL},
    {107, "LP", "2n"},
    {108, "EUI48", NULL},
    {109, "EUI64", NULL},
    {256, "URI", "22q"},
    {257, "CAA", "1tq"},
    {258, "AVC", "S"},
    {261, "RESINFO", "S"},
    {32768, "TA", "2g1h"},
    {32769, "DLV", "2g1h"},
};

const struct rrtype_row *rrtype_find(uint16_t type)
{
    size_t low = 0;
    size_t high = sizeof rows / sizeof rows[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (rows[middle].type == type)
            return &rows[middle];
        if (rows[middle].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool parse_number(const char *text, size_t length, uint16_t *type)
{
    if (length < 5 || length > 9 || strncasecmp(text, "TYPE", 4) != 0)
        return false;
    unsigned value = 0;
    for (size_t i = 4; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *type = (uint16_t)value;
    return value <= UINT16_MAX;
}

bool rrtype_parse(const char *text, size_t length, uint16_t *type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].name) == length && strncasecmp(rows[i].name, text, length) == 0) {
            *type = rows[i].type;
            return true;
        }
    }
    return parse_number(text, length, type);
}

void rrtype_format(uint16_t type, char text[TYPE_TEXT])
{
    const struct rrtype_row *row = rrtype_find(type);
    if (row != NULL)
        snprintf(text, TYPE_TEXT, "%s", row->name);
    else
        snprintf(text, TYPE_TEXT, "TYPE%u", type);
}

bool rrtype_is_meta(uint16_t type)
{
    return type == 0 || type == 41 || (type >= 128 && type <= 255);
}
