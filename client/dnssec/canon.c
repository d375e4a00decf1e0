/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/canon.h"

#include <string.h>

#include "client/dns/rrtype.h"

#define LABELS 128 /* of a name at most, with the root */

/* A to Z, and nothing else (RFC 4343). */
static uint8_t small(uint8_t byte)
{
    return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/* Where the labels begin, counted from the name's first byte. */
static size_t label_starts(const uint8_t *name, uint8_t starts[LABELS])
{
    size_t count = 0;
    for (size_t at = 0; name[at] != 0 && count < LABELS; at += name[at] + 1U)
        starts[count++] = (uint8_t)at;
    return count;
}

static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    for (size_t i = 1; i <= a[0] && i <= b[0]; i++) {
        int difference = (int)small(a[i]) - (int)small(b[i]);
        if (difference != 0)
            return difference;
    }
    return (int)a[0] - (int)b[0];
}

/* In the same case: most that are the same are that. */
static bool is_same(const uint8_t *a, const uint8_t *b)
{
    while (a[0] == b[0] && memcmp(a + 1, b + 1, a[0]) == 0) {
        if (a[0] == 0)
            return true;
        b += a[0] + 1;
        a += a[0] + 1;
    }
    return false;
}

int canon_compare(const uint8_t *a, const uint8_t *b)
{
    if (is_same(a, b))
        return 0;
    uint8_t left[LABELS];
    uint8_t right[LABELS];
    size_t m = label_starts(a, left);
    size_t n = label_starts(b, right);
    while (m > 0 && n > 0) {
        int difference = compare_labels(a + left[--m], b + right[--n]);
        if (difference != 0)
            return difference;
    }
    return m > 0 ? 1 : n > 0 ? -1 : 0;
}

size_t canon_shared_labels(const uint8_t *a, const uint8_t *b)
{
    uint8_t left[LABELS];
    uint8_t right[LABELS];
    size_t m = label_starts(a, left);
    size_t n = label_starts(b, right);
    size_t shared = 0;
    while (m > shared && n > shared &&
           compare_labels(a + left[m - shared - 1], b + right[n - shared - 1]) == 0)
        shared++;
    return shared;
}

size_t canon_label_count(const uint8_t *name)
{
    uint8_t starts[LABELS];
    return label_starts(name, starts);
}

bool canon_is_below(const uint8_t *name, const uint8_t *top)
{
    return canon_shared_labels(name, top) == canon_label_count(top);
}

size_t canon_rrsig_labels(const uint8_t *owner)
{
    bool wildcard = owner[0] == 1 && owner[1] == '*';
    return canon_label_count(owner) - (wildcard ? 1 : 0);
}

/* In lower case from `at` on, up to the root; the bytes behind it, or NULL when it is no name. */
static uint8_t *small_name(uint8_t *at, const uint8_t *end)
{
    size_t length = 1;
    while (at < end && *at != 0) {
        uint8_t label = *at;
        length += label + 1U;
        if (label > 63 || length > CANON_NAME_MAX || end - at <= label)
            return NULL;
        for (size_t i = 1; i <= label; i++)
            at[i] = small(at[i]);
        at += label + 1;
    }
    return at < end ? at + 1 : NULL;
}

size_t canon_owner(const uint8_t *name, uint8_t owner[CANON_NAME_MAX])
{
    size_t length = 1;
    for (const uint8_t *at = name; *at != 0; at += *at + 1)
        length += *at + 1U;
    memcpy(owner, name, length);
    return small_name(owner, owner + length) != NULL ? length : 0;
}

/* Where the names stand in the rdata of the types of RFC 4034, 6.2, without NSEC, which RFC 6840,
 * 5.1 takes out, HINFO, which has none, and A6. */
static const struct named {
    uint16_t type;
    uint8_t before;  /* bytes in front */
    uint8_t strings; /* character-strings after these */
    uint8_t names;   /* names after those */
} named[] = {
    {2, 0, 0, 1},  {3, 0, 0, 1},  {4, 0, 0, 1},   {5, 0, 0, 1},   {6, 0, 0, 2},  {7, 0, 0, 1},
    {8, 0, 0, 1},  {9, 0, 0, 1},  {12, 0, 0, 1},  {14, 0, 0, 2},  {15, 2, 0, 1}, {17, 0, 0, 2},
    {18, 2, 0, 1}, {21, 2, 0, 1}, {24, 18, 0, 1}, {26, 2, 0, 2},  {30, 0, 0, 1}, {33, 6, 0, 1},
    {35, 4, 3, 1}, {36, 2, 0, 1}, {39, 0, 0, 1},  {46, 18, 0, 1},
};

/* A6 (RFC 2874, 3.1): the prefix' length in bits, the rest of the address, and a name where there
 * is a prefix. */
static bool canon_a6(uint8_t *rdata, size_t length)
{
    if (length == 0 || rdata[0] > 128)
        return false;
    size_t before = 1 + (128U - rdata[0] + 7) / 8;
    return length >= before &&
           (rdata[0] == 0 || small_name(rdata + before, rdata + length) != NULL);
}

bool canon_rdata(uint16_t type, uint8_t *rdata, size_t length)
{
    if (type == TYPE_A6)
        return canon_a6(rdata, length);
    const struct named *row = named;
    const struct named *last = named + sizeof named / sizeof named[0];
    while (row < last && row->type != type)
        row++;
    if (row == last)
        return true;
    uint8_t *at = rdata;
    const uint8_t *end = rdata + length;
    if (length < row->before)
        return false;
    at += row->before;
    for (size_t i = 0; i < row->strings; i++) {
        if (at >= end || end - at <= *at)
            return false;
        at += *at + 1;
    }
    for (size_t i = 0; i < row->names && at != NULL; i++)
        at = small_name(at, end);
    return at != NULL;
}

size_t canon_bitmap(const uint16_t *types, size_t count, uint8_t bitmap[CANON_TYPES_MAX])
{
    size_t length = 0;
    size_t window = 0; /* where the current one begins */
    for (size_t i = 0; i < count; i++) {
        uint8_t number = (uint8_t)(types[i] >> 8);
        size_t byte = (types[i] & 0xff) / 8;
        if (length == 0 || bitmap[window] != number) {
            window = length;
            bitmap[length++] = number;
            bitmap[length++] = 0;
        }
        while (bitmap[window + 1] <= byte) {
            bitmap[length++] = 0;
            bitmap[window + 1]++;
        }
        bitmap[window + 2 + byte] |= (uint8_t)(1 << (7 - types[i] % 8));
    }
    return length;
}

bool canon_hash_from_label(const uint8_t *label, uint8_t hash[CANON_SHA1])
{
    unsigned held = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < 32; i++) {
        uint8_t c = small(label[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'v')))
            return false;
        held = (held << 5 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10)) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            *hash++ = (uint8_t)(held >> bits);
        }
    }
    return true;
}

void canon_hash_to_label(const uint8_t hash[CANON_SHA1], uint8_t label[32])
{
    for (size_t i = 0; i < 32; i++) {
        size_t at = i * 5 / 8;
        unsigned held = (unsigned)hash[at] << 8 | (at + 1 < CANON_SHA1 ? hash[at + 1] : 0U);
        label[i] = (uint8_t) "0123456789abcdefghijklmnopqrstuv"[held >> (11 - i * 5 % 8) & 31];
    }
}

uint16_t canon_key_tag(const uint8_t *rdata, size_t length)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += i % 2 == 0 ? (uint32_t)rdata[i] * 256 : rdata[i];
    return (uint16_t)(sum + (sum >> 16));
}
