/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/cdscheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/dns/rrtype.h"

#define DELETE_LENGTH 5 /* bytes of either, RFC 8078, 4 */

struct check {
    const struct zone *zone;
    const struct dnskey *keys;
    size_t count;      /* 0: they are not known yet, */
    uint8_t algorithm; /* but their algorithm is */
};

static enum keyd_status refuse(const struct rrset *set, size_t i, struct keyd_error *err,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

static enum keyd_status refuse(const struct rrset *set, size_t i, struct keyd_error *err,
                               const char *format, ...)
{
    char what[256];
    const struct place place = rrset_place_of(set, i);
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return place_fail(&place, err, KEYD_FAILED_PRECONDITION, "CDS", "%s: %s",
                      set->type == TYPE_CDS ? "CDS" : "CDNSKEY", what);
}

static bool is_delete(uint16_t type, const struct rdata *rdata)
{
    static const uint8_t cds[DELETE_LENGTH] = {0, 0, 0, 0, 0};
    static const uint8_t cdnskey[DELETE_LENGTH] = {0, 0, DNSKEY_PROTOCOL, 0, 0};
    return rdata->length == DELETE_LENGTH &&
           memcmp(rdata->data, type == TYPE_CDS ? cds : cdnskey, DELETE_LENGTH) == 0;
}

static uint8_t algorithm_of(uint16_t type, const struct rdata *rdata)
{
    return rdata->data[type == TYPE_CDS ? 2 : 3];
}

/* Whether the CDS is that of the key. */
static enum keyd_status cds_fits(const struct check *check, const struct rdata *rdata,
                                 const struct dnskey *key, bool *fits, struct keyd_error *err)
{
    struct ds ds;
    enum keyd_status status = dnskey_ds(key, zone_apex(check->zone), rdata->data[3], &ds, err);
    *fits = status == KEYD_OK && (rdata->data[0] << 8 | rdata->data[1]) == ds.key_tag &&
            rdata->length == 4 + ds.length && memcmp(rdata->data + 4, ds.digest, ds.length) == 0;
    return status;
}

static bool cdnskey_fits(const struct rdata *rdata, const struct dnskey *key)
{
    struct dnskey other;
    return dnskey_from_rdata(rdata->data, rdata->length, &other) && dnskey_equal(&other, key);
}

/* Notes in `fit` the algorithm of a record that fits a key. */
static enum keyd_status look(const struct check *check, const struct rrset *set, size_t i,
                             bool fit[UINT8_MAX + 1], struct keyd_error *err)
{
    struct rdata rdata = rrset_rdata(set, i);
    uint8_t algorithm = algorithm_of(set->type, &rdata);
    for (size_t k = 0; k < check->count; k++) {
        const struct dnskey *key = &check->keys[k];
        bool fits = false;
        enum keyd_status status = KEYD_OK;
        if (key->algorithm != algorithm)
            continue;
        if (set->type == TYPE_CDNSKEY)
            fits = cdnskey_fits(&rdata, key);
        else
            status = cds_fits(check, &rdata, key, &fits, err);
        if (status == KEYD_UNIMPLEMENTED)
            return refuse(set, i, err,
                          "digest type %u cannot be compared with the keys: use 2, SHA-256 (RFC "
                          "8624, 3.3)",
                          rdata.data[3]);
        if (status != KEYD_OK)
            return status;
        fit[algorithm] = fit[algorithm] || fits;
    }
    return KEYD_OK;
}

/* *all: the whole set is one delete, and nothing else is to be asked of it. */
static enum keyd_status look_for_deletes(const struct rrset *set, bool *all, struct keyd_error *err)
{
    *all = false;
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        if (!is_delete(set->type, &rdata))
            continue;
        if (set->count > 1)
            return refuse(set, i, err,
                          "the one that asks for the DS to be deleted must be alone (RFC 8078, 4)");
        *all = true;
    }
    return KEYD_OK;
}

/* Each record must be of an algorithm that fits. */
static enum keyd_status look_for_misfits(const struct rrset *set, const bool fit[UINT8_MAX + 1],
                                         struct keyd_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct rdata rdata = rrset_rdata(set, i);
        uint8_t algorithm = algorithm_of(set->type, &rdata);
        if (!fit[algorithm])
            return refuse(set, i, err,
                          "no DNSKEY of the signed zone is meant by those of algorithm %u (RFC "
                          "7344, 4.1): take them out if they were left by another signer",
                          algorithm);
    }
    return KEYD_OK;
}

static enum keyd_status check_set(const struct check *check, const struct rrset *set,
                                  struct keyd_error *err)
{
    bool fit[UINT8_MAX + 1] = {false};
    bool all_delete;
    enum keyd_status status = look_for_deletes(set, &all_delete, err);
    if (status != KEYD_OK || all_delete)
        return status;
    if (check->count == 0)
        fit[check->algorithm] = true;
    for (size_t i = 0; i < set->count && status == KEYD_OK && check->count > 0; i++)
        status = look(check, set, i, fit, err);
    return status == KEYD_OK ? look_for_misfits(set, fit, err) : status;
}

static enum keyd_status check_all(const struct check *check, struct keyd_error *err)
{
    static const uint16_t types[] = {TYPE_CDS, TYPE_CDNSKEY};
    enum keyd_status status = KEYD_OK;
    for (size_t i = 0; i < sizeof types / sizeof types[0] && status == KEYD_OK; i++) {
        struct rrset set;
        if (zone_find(check->zone, zone_apex(check->zone), types[i], &set))
            status = check_set(check, &set, err);
    }
    return status;
}

enum keyd_status cdscheck(const struct zone *zone, const struct dnskey *keys, size_t count,
                          struct keyd_error *err)
{
    const struct check check = {.zone = zone, .keys = keys, .count = count};
    return check_all(&check, err);
}

enum keyd_status cdscheck_algorithm(const struct zone *zone, uint8_t algorithm,
                                    struct keyd_error *err)
{
    const struct check check = {.zone = zone, .algorithm = algorithm};
    return check_all(&check, err);
}
