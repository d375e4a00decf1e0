/* SPDX-License-Identifier: BSD-2-Clause
 * keydctl get-public-key: shown, or as the bare PEM or DER that other tools read. */
#include <err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/ctl/command.h"
#include "client/ctl/key.h"
#include "keyd/base/encode.h"

enum { KEY_KEY_ID = 1 };

static const struct argp_option public_options[] = {
    {"key-id", KEY_KEY_ID, "KEY", 0, "a key id, or alias/NAME (required)", 0},
    {0},
};

static error_t parse_public(int key, char *arg, struct argp_state *state)
{
    const char **key_id = state->input;
    if (key != KEY_KEY_ID)
        return ARGP_ERR_UNKNOWN;
    *key_id = arg;
    return 0;
}

static const struct options public = {
    .command = "get-public-key",
    .options = public_options,
    .parser = parse_public,
    .doc = "Gives a key's public half: a SubjectPublicKeyInfo, as X.509 has it. --output also "
           "takes pem and der here, for what other tools read.\v"
           "Example:\n"
           "  keydctl get-public-key --key-id alias/ksk --output pem | openssl pkey -pubin -text",
};

/* It is for others to trust: it is read before it is passed on. */
static enum keyd_status check_public_key(const struct keyd_public_key *key, EVP_PKEY **parsed,
                                         struct keyd_error *err)
{
    const unsigned char *at = key->der;
    *parsed = d2i_PUBKEY(NULL, &at, (long)key->der_length);
    if (*parsed != NULL && at == key->der + key->der_length)
        return KEYD_OK;
    EVP_PKEY_free(*parsed);
    *parsed = NULL;
    return keyd_fail_openssl(err,
                             "what keyd gave for key %s (%zu bytes) is no public key; look into "
                             "keyd's log",
                             key->key_id, key->der_length);
}

static char *base64_of(const uint8_t *data, size_t length)
{
    char *text = malloc(BASE64_TEXT(length));
    if (text == NULL)
        errx(EXIT_FAILED, "no memory for base64");
    base64_encode(data, length, text);
    return text;
}

static void print_public_key_pairs(const struct keyd_public_key *key, EVP_PKEY *parsed)
{
    char *algorithms = join(key->signing_algorithms);
    const struct pair pairs[] = {
        {"Key id", key->key_id},
        {"Key spec", key->key_spec},
        {"Key usage", key->key_usage},
        {"Can sign", algorithms},
    };
    print_pairs(pairs, sizeof pairs / sizeof pairs[0]);
    PEM_write_PUBKEY(stdout, parsed);
    free(algorithms);
}

static void print_public_key(enum output output, const struct keyd_public_key *key,
                             EVP_PKEY *parsed)
{
    char *base64 = base64_of(key->der, key->der_length);
    switch (output) {
    case OUTPUT_PEM:
        PEM_write_PUBKEY(stdout, parsed);
        break;
    case OUTPUT_DER:
        fwrite(key->der, 1, key->der_length, stdout);
        break;
    case OUTPUT_JSON:
        print_json(json_pack("{s:s, s:s, s:s, s:s, s:o}", "KeyId", key->key_id, "PublicKey", base64,
                             "KeySpec", key->key_spec, "KeyUsage", key->key_usage,
                             "SigningAlgorithms", words_json(key->signing_algorithms)));
        break;
    case OUTPUT_TEXT:
        print_fields(key->key_id, key->key_spec, key->key_usage, base64, NULL);
        break;
    case OUTPUT_TABLE:
        print_public_key_pairs(key, parsed);
        break;
    }
    free(base64);
}

int run_get_public_key(struct globals *globals, int argc, char **argv)
{
    const char *key_id = NULL;
    globals->takes_pem = true;
    parse_options(&public, argc, argv, &key_id, globals);
    check_key_id(public.command, key_id);
    if (globals->output == OUTPUT_DER && isatty(STDOUT_FILENO))
        usage_error(public.command, "--output der: not to a terminal; write it to a file with >");

    struct keyd_client *client = connect_or_exit(globals, public.command);
    struct keyd_error err;
    struct keyd_public_key *key = NULL;
    EVP_PKEY *parsed = NULL;
    if (keyd_get_public_key(client, key_id, globals->timeout_ms, &key, &err) != KEYD_OK ||
        check_public_key(key, &parsed, &err) != KEYD_OK) {
        keyd_public_key_free(key);
        keyd_disconnect(client);
        return fail(public.command, &err);
    }
    print_public_key(globals->output, key, parsed);
    EVP_PKEY_free(parsed);
    keyd_public_key_free(key);
    return finish(client);
}
