/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/rrtype.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* In the order of their numbers. */
static const struct rrtype_row rows[] = {
    {1, "A", "a", false},
    {2, "NS", "N", false},
    {3, "MD", "N", true},
    {4, "MF", "N", true},
    {5, "CNAME", "N", false},
    {6, "SOA", "NN4TTTT", false},
    {7, "MB", "N", true},
    {8, "MG", "N", true},
    {9, "MR", "N", true},
    {10, "NULL", NULL, true},
    {11, "WKS", "aw", true},
    {12, "PTR", "N", false},
    {13, "HINFO", "ss", false},
    {14, "MINFO", "NN", false},
    {15, "MX", "2N", false},
    {16, "TXT", "S", false},
    {17, "RP", "NN", false},
    {18, "AFSDB", "2N", false},
    {19, "X25", "s", true},
    {20, "ISDN", "se", true},
    {21, "RT", "2N", false},
    {22, "NSAP", "P", true},
    {23, "NSAP-PTR", "l", true},
    {24, "SIG", "yg1Tdd2Nb", true},
    {25, "KEY", "kKgB", false},
    {26, "PX", "2NN", true},
    {27, "GPOS", "sss", true},
    {28, "AAAA", "A", false},
    {29, "LOC", "L", false},
    {30, "NXT", "No", true},
    {31, "EID", "h", true},
    {32, "NIMLOC", "h", true},
    {33, "SRV", "222N", false},
    {34, "ATMA", "z", true},
    {35, "NAPTR", "22sssN", false},
    {36, "KX", "2N", false},
    {37, "CERT", "c2gb", false},
    {38, "A6", "6M", true},
    {39, "DNAME", "N", false},
    {40, "SINK", "111B", true},
    {42, "APL", "p", false},
    {43, "DS", "2gDh", false},
    {44, "SSHFP", "11h", false},
    {45, "IPSECKEY", "1iB", false},
    {46, "RRSIG", "yg1Tdd2Nb", false},
    {47, "NSEC", "nm", false},
    {48, "DNSKEY", "kKgb", false},
    {49, "DHCID", "b", false},
    {50, "NSEC3", "112Hxm", false},
    {51, "NSEC3PARAM", "112H", false},
    {52, "TLSA", "111h", false},
    {53, "SMIMEA", "111h", false},
    {55, "HIP", "I", true},
    {56, "NINFO", "S", true},
    {57, "RKEY", "kKgb", true},
    {58, "TALINK", "nn", true},
    {59, "CDS", "2gDh", false},
    {60, "CDNSKEY", "kKgb", false},
    {61, "OPENPGPKEY", "b", false},
    {62, "CSYNC", "42m", false},
    {63, "ZONEMD", "411h", false},
    {64, "SVCB", "2lv", false},
    {65, "HTTPS", "2lv", false},
    {66, "DSYNC", "yZ2n", true},
    {67, "HHIT", "b", true},
    {68, "BRID", "b", true},
    {99, "SPF", "S", false},
    {100, "UINFO", NULL, true},
    {101, "UID", NULL, true},
    {102, "GID", NULL, true},
    {103, "UNSPEC", NULL, true},
    {104, "NID", "2f", false},
    {105, "L32", "2a", false},
    {106, "L64", "2f", false},
    {107, "LP", "2l", false},
    {108, "EUI48", "u", false},
    {109, "EUI64", "U", false},
    {256, "URI", "22q", false},
    {257, "CAA", "1tq", false},
    {258, "AVC", "S", true},
    {259, "DOA", "441sB", true},
    {260, "AMTRELAY", "1r", true},
    {261, "RESINFO", "S", true},
    {262, "WALLET", "S", true},
    {32768, "TA", "2gDh", true},
    {32769, "DLV", "2gDh", true},
};

#define ROWS (sizeof rows / sizeof rows[0])

/* Types below this are found by an index; rows of others are few, at the end. */
#define INDEXED 264

/* Names are found in a table of twice as many places, by a hash of length and first eight letters.
 */
#define PLACES 256

static uint8_t row_of_type[INDEXED]; /* the row's index and 1; 0: none */
static uint8_t row_of_name[PLACES];
static pthread_once_t made = PTHREAD_ONCE_INIT;
static atomic_bool ready; /* so that most calls need no call */

static uint64_t words[PLACES]; /* the first eight letters of the name in each place */

static uint64_t word_of(const char *name, size_t length)
{
    uint64_t word = 0;
    for (size_t i = 0; i < length && i < 8; i++)
        word = word << 8 | (uint8_t)name[i];
    return word;
}

/* Letters of either case give the same; other characters may too, so names are compared. */
static size_t place_of(uint64_t word, size_t length)
{
    word = (word & 0xdfdfdfdfdfdfdfdfU) + length;
    return (size_t)(word * 0x9e3779b97f4a7c15U >> 56) % PLACES;
}

static void make(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t length = strlen(rows[i].name);
        size_t place = place_of(word_of(rows[i].name, length), length);
        while (row_of_name[place] != 0)
            place = (place + 1) % PLACES;
        row_of_name[place] = (uint8_t)(i + 1);
        words[place] = word_of(rows[i].name, length);
        if (rows[i].type < INDEXED)
            row_of_type[rows[i].type] = (uint8_t)(i + 1);
    }
    atomic_store_explicit(&ready, true, memory_order_release);
}

static inline void make_once(void)
{
    if (!atomic_load_explicit(&ready, memory_order_acquire))
        pthread_once(&made, make);
}

const struct rrtype_row *rrtype_find(uint16_t type)
{
    make_once();
    if (type < INDEXED)
        return row_of_type[type] > 0 ? &rows[row_of_type[type] - 1] : NULL;
    for (size_t i = ROWS; i-- > 0 && rows[i].type >= type;) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

/* Up to five digits. */
static bool parse_number(const char *text, size_t length, uint16_t *type)
{
    unsigned value = 0;
    if (length == 0 || length > 5)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *type = (uint16_t)value;
    return value <= UINT16_MAX;
}

bool rrtype_parse(const char *text, size_t length, uint16_t *type)
{
    make_once();
    if (length == 0 || length >= TYPE_TEXT)
        return false;
    uint64_t word = word_of(text, length);
    for (size_t place = place_of(word, length); row_of_name[place] != 0;
         place = (place + 1) % PLACES) {
        const struct rrtype_row *row = &rows[row_of_name[place] - 1];
        bool same =
            (length <= 8 && word == words[place]) || strncasecmp(row->name, text, length) == 0;
        if (same && row->name[length] == '\0') {
            *type = row->type;
            return true;
        }
    }
    return length > 4 && strncasecmp(text, "TYPE", 4) == 0 &&
           parse_number(text + 4, length - 4, type);
}

bool rrtype_parse_loosely(const char *text, size_t length, uint16_t *type)
{
    return rrtype_parse(text, length, type) || parse_number(text, length, type);
}

void rrtype_format(uint16_t type, char text[TYPE_TEXT])
{
    const struct rrtype_row *row = rrtype_find(type);
    if (row != NULL && !row->rare)
        snprintf(text, TYPE_TEXT, "%s", row->name);
    else
        snprintf(text, TYPE_TEXT, "TYPE%u", type);
}

void rrtype_print(uint16_t type, struct bytes *text)
{
    const struct rrtype_row *row = rrtype_find(type);
    const bool named = row != NULL && !row->rare;
    bytes_text(text, named ? row->name : "TYPE");
    if (!named)
        bytes_decimal(text, type);
}

bool rrtype_is_meta(uint16_t type)
{
    return type == 0 || type == 41 || (type >= 128 && type <= 255);
}
