/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/base/algorithm.h"

#include <stdio.h>

#define SPEC(name)      KEYD__V1__KEY_SPEC__##name
#define ALGORITHM(name) KEYD__V1__SIGNING_ALGORITHM__##name
#define COUNT(table)    (sizeof(table) / sizeof(table)[0])

static const struct key_spec_row specs[] = {
    {SPEC(ECC_NIST_P256), KEY_KIND_EC, 256, ALGORITHM(ECDSA_SHA_256)},
    {SPEC(ECC_NIST_P384), KEY_KIND_EC, 384, ALGORITHM(ECDSA_SHA_384)},
    {SPEC(ECC_NIST_EDWARDS25519), KEY_KIND_EDWARDS, 255, ALGORITHM(ED25519_SHA_512)},
    {SPEC(RSA_2048), KEY_KIND_RSA, 2048, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256)},
    {SPEC(RSA_3072), KEY_KIND_RSA, 3072, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256)},
    {SPEC(RSA_4096), KEY_KIND_RSA, 4096, ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256)},
};

static const struct algorithm_row algorithms[] = {
    {ALGORITHM(ECDSA_SHA_256), KEY_KIND_EC, 256, 32, "SHA256"},
    {ALGORITHM(ECDSA_SHA_384), KEY_KIND_EC, 384, 48, "SHA384"},
    {ALGORITHM(ED25519_SHA_512), KEY_KIND_EDWARDS, 0, 0, NULL},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_256), KEY_KIND_RSA, 0, 32, "SHA256"},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_384), KEY_KIND_RSA, 0, 48, "SHA384"},
    {ALGORITHM(RSASSA_PKCS1_V1_5_SHA_512), KEY_KIND_RSA, 0, 64, "SHA512"},
    {ALGORITHM(RSASSA_PSS_SHA_256), KEY_KIND_RSA, 0, 32, "SHA256"},
    {ALGORITHM(RSASSA_PSS_SHA_384), KEY_KIND_RSA, 0, 48, "SHA384"},
    {ALGORITHM(RSASSA_PSS_SHA_512), KEY_KIND_RSA, 0, 64, "SHA512"},
};

const struct key_spec_row *key_spec_find(key_spec spec)
{
    for (size_t i = 0; i < COUNT(specs); i++)
        if (specs[i].spec == spec)
            return &specs[i];
    return NULL;
}

const struct algorithm_row *algorithm_find(signing_algorithm algorithm)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (algorithms[i].algorithm == algorithm)
            return &algorithms[i];
    return NULL;
}

bool algorithm_fits(const struct algorithm_row *algorithm, const struct key_spec_row *spec)
{
    return algorithm->kind == spec->kind &&
           (algorithm->ec_bits == 0 || algorithm->ec_bits == spec->bits);
}

size_t algorithms_of(key_spec spec, signing_algorithm *list, size_t max)
{
    const struct key_spec_row *row = key_spec_find(spec);
    size_t n = 0;
    for (size_t i = 0; row != NULL && i < COUNT(algorithms) && n < max; i++)
        if (algorithm_fits(&algorithms[i], row))
            list[n++] = algorithms[i].algorithm;
    return n;
}

static enum keyd_status check_length(const struct algorithm_row *algorithm, message_type type,
                                     size_t length, struct keyd_error *err)
{
    const char *name = algorithm_name(algorithm->algorithm);
    if (type == KEYD__V1__MESSAGE_TYPE__RAW) {
        if (length >= 1 && length <= SIGN_MESSAGE_MAX)
            return KEYD_OK;
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE_LENGTH",
                         "the message has %zu bytes; RAW takes 1 to %d. Longer ones: hash them and "
                         "send the DIGEST",
                         length, SIGN_MESSAGE_MAX);
    }
    if (type != KEYD__V1__MESSAGE_TYPE__DIGEST)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE_TYPE_MISMATCH",
                         "message type %d is neither RAW nor DIGEST", (int)type);
    if (algorithm->digest_size == 0)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "MESSAGE_TYPE_MISMATCH",
                         "%s signs whole messages only: send it RAW", name);
    if (length != algorithm->digest_size)
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "DIGEST_LENGTH",
                         "the digest has %zu bytes; %s takes a DIGEST of exactly %zu (or the whole "
                         "message as RAW)",
                         length, name, algorithm->digest_size);
    return KEYD_OK;
}

enum keyd_status sign_check(key_spec spec, signing_algorithm *algorithm, message_type type,
                            size_t message_length, struct keyd_error *err)
{
    const struct key_spec_row *key = key_spec_find(spec);
    if (key == NULL)
        return keyd_fail(err, KEYD_UNIMPLEMENTED, "KEY_SPEC", "this keyd does not know key spec %d",
                         (int)spec);
    if (*algorithm == KEYD__V1__SIGNING_ALGORITHM__SIGNING_ALGORITHM_UNSPECIFIED)
        *algorithm = key->default_algorithm;
    const struct algorithm_row *row = algorithm_find(*algorithm);
    if (row == NULL || !algorithm_fits(row, key))
        return keyd_fail(err, KEYD_INVALID_ARGUMENT, "ALGORITHM_MISMATCH",
                         "an %s key does not sign with %s; its default is %s", key_spec_name(spec),
                         algorithm_name(*algorithm), algorithm_name(key->default_algorithm));
    return check_length(row, type, message_length, err);
}

static const char *name_of(const ProtobufCEnumDescriptor *descriptor, int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);
    return found != NULL ? found->name : "UNKNOWN";
}

/* 0 is UNSPECIFIED. */
static bool value_of(const ProtobufCEnumDescriptor *descriptor, const char *name, int *value)
{
    const ProtobufCEnumValue *found =
        protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
    if (found == NULL || found->value == 0)
        return false;
    *value = found->value;
    return true;
}

const char *key_spec_name(key_spec spec)
{
    return name_of(&keyd__v1__key_spec__descriptor, (int)spec);
}

const char *key_usage_name(key_usage usage)
{
    return name_of(&keyd__v1__key_usage__descriptor, (int)usage);
}

const char *key_state_name(key_state state)
{
    return name_of(&keyd__v1__key_state__descriptor, (int)state);
}

const char *algorithm_name(signing_algorithm algorithm)
{
    return name_of(&keyd__v1__signing_algorithm__descriptor, (int)algorithm);
}

bool key_spec_parse(const char *name, key_spec *spec)
{
    int value;
    if (!value_of(&keyd__v1__key_spec__descriptor, name, &value))
        return false;
    *spec = (key_spec)value;
    return true;
}

bool key_usage_parse(const char *name, key_usage *usage)
{
    int value;
    if (!value_of(&keyd__v1__key_usage__descriptor, name, &value))
        return false;
    *usage = (key_usage)value;
    return true;
}

bool algorithm_parse(const char *name, signing_algorithm *algorithm)
{
    int value;
    if (!value_of(&keyd__v1__signing_algorithm__descriptor, name, &value))
        return false;
    *algorithm = (signing_algorithm)value;
    return true;
}
