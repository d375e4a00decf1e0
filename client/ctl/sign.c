/* SPDX-License-Identifier: BSD-2-Clause
 * keydctl sign. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl/command.h"
#include "client/ctl/message.h"
#include "keyd/base/algorithm.h"
#include "keyd/base/encode.h"
#include "keyd/base/file.h"

#define SIGNATURE_FILE_MODE 0644 /* a signature is for everybody to check */

enum { KEY_KEY_ID = 1, KEY_MESSAGE, KEY_MESSAGE_TYPE, KEY_ALGORITHM, KEY_SIGNATURE_FILE };

struct sign_options {
    const char *key_id;
    const char *message;
    const char *message_type;
    const char *algorithm;
    const char *signature_file;
};

static const struct argp_option sign_options[] = {
    {"key-id", KEY_KEY_ID, "KEY", 0, "a key id, or alias/NAME (required)", 0},
    {"message", KEY_MESSAGE, "fileb://FILE", 0,
     "what to sign: a file, fileb://- for standard input, or the text itself (required)", 0},
    {"message-type", KEY_MESSAGE_TYPE, "TYPE", 0,
     "RAW (default): the message, up to 64 KiB; DIGEST: its digest", 0},
    {"signing-algorithm", KEY_ALGORITHM, "ALGORITHM", 0,
     "as ECDSA_SHA_256 (default: the key's own)", 0},
    {"signature-file", KEY_SIGNATURE_FILE, "FILE", 0, "write the bare signature there", 0},
    {0},
};

static error_t parse_sign(int key, char *arg, struct argp_state *state)
{
    struct sign_options *options = state->input;
    switch (key) {
    case KEY_KEY_ID:
        options->key_id = arg;
        return 0;
    case KEY_MESSAGE:
        options->message = arg;
        return 0;
    case KEY_MESSAGE_TYPE:
        options->message_type = arg;
        return 0;
    case KEY_ALGORITHM:
        options->algorithm = arg;
        return 0;
    case KEY_SIGNATURE_FILE:
        options->signature_file = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct options sign = {
    .command = "sign",
    .options = sign_options,
    .parser = parse_sign,
    .doc = "Signs a message, or its digest, and shows the signature in base64: DER for ECDSA, the "
           "bare bytes for RSA and Ed25519.\v"
           "Example:\n"
           "  keydctl sign --key-id alias/ksk --message fileb://letter.txt \\\n"
           "      --signature-file letter.sig\n"
           "  openssl dgst -sha256 -verify ksk.pem -signature letter.sig letter.txt",
};

static const char *name_algorithm(int number)
{
    return algorithm_name((signing_algorithm)number);
}

static void check_options(const struct sign_options *options)
{
    check_key_id(sign.command, options->key_id);
    require(sign.command, "--message", options->message, "fileb://FILE, fileb://- or a text");
    check_word(sign.command, "--signing-algorithm", options->algorithm, name_algorithm);
    if (options->message_type != NULL && strcmp(options->message_type, "RAW") != 0 &&
        strcmp(options->message_type, "DIGEST") != 0)
        usage_error(sign.command, "--message-type %s: there is RAW and DIGEST",
                    options->message_type);
    if (options->signature_file != NULL && options->signature_file[0] == '\0')
        usage_error(sign.command, "--signature-file: the name is empty");
}

static void print_signature(enum output output, const struct keyd_signature *signature,
                            const char *file)
{
    char *base64 = malloc(BASE64_TEXT(signature->length));
    if (base64 == NULL)
        errx(EXIT_FAILED, "no memory for base64");
    base64_encode(signature->bytes, signature->length, base64);
    const struct pair pairs[] = {
        {"Key id", signature->key_id},
        {"Signed with", signature->signing_algorithm},
        {file != NULL ? "Written to" : "Signature", file != NULL ? file : base64},
    };
    if (output == OUTPUT_JSON)
        print_json(json_pack("{s:s, s:s, s:s}", "KeyId", signature->key_id, "Signature", base64,
                             "SigningAlgorithm", signature->signing_algorithm));
    else if (output == OUTPUT_TEXT)
        print_fields(signature->key_id, signature->signing_algorithm, base64, NULL);
    else
        print_pairs(pairs, sizeof pairs / sizeof pairs[0]);
    free(base64);
}

static enum keyd_status sign_message(struct keyd_client *client, const struct sign_options *options,
                                     const struct globals *globals, const uint8_t *message,
                                     size_t length, struct keyd_error *err)
{
    struct keyd_sign_request request = {
        .key_id = options->key_id,
        .message = message,
        .message_length = length,
        .is_digest = options->message_type != NULL && strcmp(options->message_type, "DIGEST") == 0,
        .signing_algorithm = options->algorithm,
    };
    struct keyd_signature *signature;
    enum keyd_status status = keyd_sign(client, &request, globals->timeout_ms, &signature, err);
    if (status != KEYD_OK)
        return status;
    if (options->signature_file != NULL)
        status = file_replace(options->signature_file, signature->bytes, signature->length,
                              SIGNATURE_FILE_MODE, err);
    if (status == KEYD_OK)
        print_signature(globals->output, signature, options->signature_file);
    keyd_signature_free(signature);
    return status;
}

int run_sign(struct globals *globals, int argc, char **argv)
{
    struct sign_options options = {0};
    parse_options(&sign, argc, argv, &options, globals);
    check_options(&options);

    uint8_t *message;
    size_t length;
    struct keyd_error err;
    enum keyd_status status = message_read(options.message, &message, &length, &err);
    if (status == KEYD_INVALID_ARGUMENT)
        usage_error(sign.command, "%s", err.message);
    if (status != KEYD_OK) {
        complain("%s: %s", sign.command, err.message);
        return EXIT_FAILED;
    }
    struct keyd_client *client = connect_or_exit(globals, sign.command);
    status = sign_message(client, &options, globals, message, length, &err);
    free(message);
    if (status == KEYD_OK)
        return finish(client);
    keyd_disconnect(client);
    return fail(sign.command, &err);
}
