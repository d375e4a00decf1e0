/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/rdatacheck.h"

#include <stdbool.h>

#include "client/dns/bytes.h"
#include "client/dns/dname.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dnssec/substitution.h"

#define KEY_FIXED  4      /* bytes before a KEY's key: flags, protocol, algorithm */
#define KEY_NO_KEY 0xc000 /* both of these flags: there is none (RFC 2535, 3.1.2) */

#define IPSECKEY_GATEWAY 3 /* bytes before the gateway: precedence, its type, algorithm */

#define ATMA_E164 1 /* the format whose address is digits */

static bool are_digits(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

static const char *check_key(const uint8_t *rdata, size_t length)
{
    unsigned flags = (unsigned)(rdata[0] << 8 | rdata[1]);
    if (((flags & KEY_NO_KEY) == KEY_NO_KEY) == (length == KEY_FIXED))
        return NULL;
    return length == KEY_FIXED
               ? "a KEY without a key, which its flags do not say (RFC 2535, 3.1.2)"
               : "a KEY with a key, though its flags say that there is none (RFC 2535, 3.1.2)";
}

static const char *check_ipseckey(const uint8_t *rdata, size_t length)
{
    static const uint8_t gateways[] = {0, 4, 16}; /* bytes of each type's but the name's */
    size_t before = IPSECKEY_GATEWAY;
    before +=
        rdata[1] < sizeof gateways ? gateways[rdata[1]] : dname_length(rdata + IPSECKEY_GATEWAY);
    return length > before ? NULL : "an IPSECKEY without a key (RFC 4025, 2.6), which BIND refuses";
}

static const char *check_location(const uint8_t *rdata)
{
    for (size_t i = 1; rdata[0] == 0 && i <= 3; i++) {
        if (rdata[i] > 0 && rdata[i] >> 4 == 0)
            return "a LOC with 0 to a power of ten for a size or precision, which BIND refuses";
    }
    return NULL;
}

static const char *check_naptr(const uint8_t *rdata, size_t length)
{
    struct cursor wire = cursor_over(rdata, length);
    cursor_take(&wire, 4);                /* order, preference */
    cursor_take(&wire, cursor_u8(&wire)); /* flags */
    cursor_take(&wire, cursor_u8(&wire)); /* services */
    size_t size = cursor_u8(&wire);
    const uint8_t *regexp = cursor_take(&wire, size);
    if (regexp == NULL || size == 0 || substitution_is_good(regexp, size))
        return NULL;
    return "the third text of a NAPTR is no substitution as !EXPRESSION!REPLACEMENT! (RFC 3402, "
           "3.2)";
}

/* ---- Parts ---------------------------------------------------------------------------------- */

/* What NSD 4.6 holds of one record, in whatever form it comes: each field is a part, and each
 * string, prefix or parameter. */
#define NSD_PARTS 64

static const char *check_strings(const uint8_t *rdata, size_t length)
{
    struct cursor wire = cursor_over(rdata, length);
    size_t parts = 0;
    for (; cursor_left(&wire) > 0; parts++)
        cursor_take(&wire, cursor_u8(&wire));
    return parts <= NSD_PARTS ? NULL : "an SPF of more than 64 strings, which NSD refuses";
}

static const char *check_prefixes(const uint8_t *rdata, size_t length)
{
    struct cursor wire = cursor_over(rdata, length);
    size_t parts = 0;
    for (; cursor_left(&wire) > 0; parts++) {
        cursor_take(&wire, 3);                        /* family, prefix length */
        cursor_take(&wire, cursor_u8(&wire) & 0x7fU); /* address, which may be negated */
    }
    return parts <= NSD_PARTS ? NULL : "an APL of more than 64 prefixes, which NSD refuses";
}

static const char *check_parameters(const uint8_t *rdata, size_t length)
{
    struct cursor wire = cursor_over(rdata, length);
    size_t parts = 2; /* priority, target */
    cursor_u16(&wire);
    dname_take(&wire);
    for (; cursor_left(&wire) > 0; parts++) {
        cursor_u16(&wire);
        cursor_take(&wire, cursor_u16(&wire));
    }
    return parts <= NSD_PARTS ? NULL : "more than 62 parameters, which NSD refuses";
}

static bool digest_fits(uint16_t type, const uint8_t *rdata, size_t length)
{
    unsigned digest_type;
    unsigned wanted;
    size_t has;
    return rdata_digest_fits(type, rdata, length, &digest_type, &wanted, &has);
}

const char *rdatacheck(uint16_t type, const uint8_t *rdata, size_t length)
{
    switch (type) {
    case TYPE_MD:
    case TYPE_MF:
        return "MD and MF are obsolete (RFC 973), and BIND refuses them: MX has their place";
    case TYPE_X25:
        return rdata[0] >= 4 && are_digits(rdata + 1, rdata[0])
                   ? NULL
                   : "an X.25 address has four or more digits (RFC 1183, 3.1)";
    case TYPE_KEY:
        return check_key(rdata, length);
    case TYPE_LOC:
        return check_location(rdata);
    case TYPE_ATMA:
        return rdata[0] != ATMA_E164 || are_digits(rdata + 1, length - 1)
                   ? NULL
                   : "an ATM address in E.164 form has digits alone";
    case TYPE_NAPTR:
        return check_naptr(rdata, length);
    case TYPE_IPSECKEY:
        return check_ipseckey(rdata, length);
    case TYPE_SPF:
        return check_strings(rdata, length);
    case TYPE_APL:
        return check_prefixes(rdata, length);
    case TYPE_SVCB:
    case TYPE_HTTPS:
        return check_parameters(rdata, length);
    case TYPE_RKEY:
        return rdata[0] == 0 && rdata[1] == 0 ? NULL : "the flags of an RKEY are 0, BIND says";
    case TYPE_DS:
    case TYPE_CDS:
    case TYPE_SSHFP:
    case TYPE_TA:
    case TYPE_DLV:
        return digest_fits(type, rdata, length)
                   ? NULL
                   : "a digest that is not as long as those of its type";
    default:
        return NULL;
    }
}
