/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dnssec/signer.h"

#include <errno.h>
#include <string.h>

#define DER_SEQUENCE 0x30
#define DER_INTEGER  0x02

/* A tag and a length, which is below 256 in all signatures. */
static size_t take_head(struct cursor *der, uint8_t tag)
{
    if (cursor_u8(der) != tag)
        der->failed = true;
    uint8_t length = cursor_u8(der);
    if (length == 0x81) {
        length = cursor_u8(der);
        if (length < 0x80)
            der->failed = true;
    } else if (length >= 0x80) {
        der->failed = true;
    }
    return length;
}

/* One of the two numbers, padded to `field` bytes. */
static void take_number(struct cursor *der, uint8_t *to, size_t field)
{
    size_t length = take_head(der, DER_INTEGER);
    const uint8_t *number = cursor_take(der, length);
    if (number == NULL || length == 0 || (number[0] & 0x80) != 0 ||
        (length > 1 && number[0] == 0 && (number[1] & 0x80) == 0)) {
        der->failed = true;
        return;
    }
    if (number[0] == 0) {
        number++;
        length--;
    }
    if (length > field) {
        der->failed = true;
        return;
    }
    memset(to, 0, field - length);
    if (length > 0)
        memcpy(to + field - length, number, length);
}

/* SEQUENCE { INTEGER r, INTEGER s } (RFC 3279, 2.2.3) to r | s. By hand: OpenSSL's takes a tenth of
 * the time of a signature. */
static bool split_der(const uint8_t *data, size_t length, size_t wanted, uint8_t *signature)
{
    struct cursor der = cursor_over(data, length);
    if (take_head(&der, DER_SEQUENCE) != cursor_left(&der))
        der.failed = true;
    take_number(&der, signature, wanted / 2);
    take_number(&der, signature + wanted / 2, wanted / 2);
    return !der.failed && der.at == der.end;
}

enum keyd_status signature_to_dns(const struct dnssec_algorithm *algorithm, size_t wanted,
                                  const uint8_t *data, size_t length,
                                  uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err)
{
    bool good = false;
    if (algorithm->kind == DNSSEC_ECDSA) {
        good = split_der(data, length, wanted, signature);
    } else if (length == wanted && length > 0 && length <= DNSSEC_SIGNATURE_MAX) {
        memcpy(signature, data, length);
        good = true;
    }
    if (good)
        return KEYD_OK;
    return keyd_fail(err, KEYD_DATA_LOSS, "SIGNATURE",
                     "%zu bytes that are no %s signature came back", length,
                     algorithm->signing_algorithm);
}

enum keyd_status signer_sit(struct signer_seat *seat, const struct dns_signer *signer,
                            struct keyd_error *err)
{
    *seat = (struct signer_seat){.signer = signer};
    if (signer->desk_new == NULL)
        return KEYD_OK;
    seat->desk = signer->desk_new(signer->context);
    return seat->desk != NULL ? KEYD_OK : keyd_fail_errno(err, ENOMEM, "signing");
}

void signer_rise(struct signer_seat *seat)
{
    if (seat->desk != NULL)
        seat->signer->desk_free(seat->desk);
    bytes_free(&seat->message);
    *seat = (struct signer_seat){0};
}

enum keyd_status signer_sign(struct signer_seat *seat, const uint8_t *message, size_t length,
                             uint8_t signature[DNSSEC_SIGNATURE_MAX], struct keyd_error *err)
{
    uint8_t answer[DNSSEC_SIGNATURE_MAX];
    size_t answer_length = 0;
    const struct dns_signer *signer = seat->signer;
    enum keyd_status status =
        signer->sign(signer->context, seat->desk, message, length, answer, &answer_length, err);
    if (status != KEYD_OK)
        return status;
    return signature_to_dns(signer->algorithm, signer->signature_length, answer, answer_length,
                            signature, err);
}
