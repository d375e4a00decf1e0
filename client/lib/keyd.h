/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libkeyd: keys in an HSM, through keyd, from C. This header is the manual.
 *
 *     struct keyd_error err;
 *     struct keyd_client *keyd;
 *     if (keyd_connect(NULL, &keyd, &err) != KEYD_OK)
 *         errx(1, "%s", err.message);
 *     struct keyd_sign_request request = {
 *         .key_id = "alias/a4lksk", .message = data, .message_length = length };
 *     struct keyd_signature *signature;
 *     if (keyd_sign(keyd, &request, 0, &signature, &err) != KEYD_OK)
 *         errx(1, "%s", err.message);
 *     ...
 *     keyd_signature_free(signature);
 *     keyd_disconnect(keyd);
 *
 * Link with -lkeyd. No type of the transport (gRPC) appears here, yet the library contains it: a
 * process that has called keyd_connect must not fork and go on using libkeyd on either side (fork
 * followed by exec is fine).
 *
 * Threads. A client may be used from any number of threads at once; only keyd_disconnect wants the
 * client to itself. Calls block the calling thread alone, at most until their timeout.
 *
 * Words. Key specs, usages, states and signing algorithms are strings, those of AWS KMS: the enum
 * names in proto/keyd/v1/key.proto, as "ECC_NIST_P256", "SIGN_VERIFY", "ENABLED", "ECDSA_SHA_256".
 * key_id takes a key id (lower-case UUID) or "alias/NAME" everywhere.
 *
 * Errors. Each call returns a status (gRPC's code numbers, keyd/base/status.h) and, when it is not
 * KEYD_OK, fills *err (may be NULL): `reason` is stable, for programs; `message` is for people and
 * ends with the server's call id, where a server answered. UNAVAILABLE means that the caller may
 * try again: nothing was done or, where the connection was lost before the answer came, nothing
 * that a second try would do twice (a CreateKey: under the request id that the message names). A
 * call fails so at once, not at its timeout, while nobody listens on keyd's socket. The client
 * connects by itself, and again after keyd was away: a new try costs a call, never a new client.
 *
 * Reasons of the library's own, beside the server's:
 *   SOCKET_MISSING      no such path (NOT_FOUND from keyd_connect, UNAVAILABLE from a call)
 *   CONNECTION_REFUSED  UNAVAILABLE: nobody listens there
 *   CONNECTION_CLOSED   UNAVAILABLE: keyd ended before it answered
 *   NO_GRPC             UNAVAILABLE: somebody listens, but speaks no gRPC before the timeout
 *   SOCKET_PERMISSION   PERMISSION_DENIED: this uid may not open the socket
 *   SOCKET_PATH         INVALID_ARGUMENT: that path is or can be no socket
 *   BAD_ANSWER          INTERNAL: the answer cannot be what keyd meant
 *   NO_CALL_ID          any error that a server gave which is not keyd
 *   FORKED              FAILED_PRECONDITION: in a child of the process that called keyd_connect
 *   DISCONNECTING       CANCELLED: by keyd_disconnect
 *   KEY_ID, KEY_SPEC, KEY_USAGE, SIGNING_ALGORITHM, MESSAGE_LENGTH, REQUEST_LENGTH, TIMEOUT
 *                       INVALID_ARGUMENT: refused before it was sent
 */
#ifndef KEYD_H
#define KEYD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "keyd/base/status.h"

#define KEYD_API __attribute__((visibility("default")))

#define KEYD_DEFAULT_SOCKET     "/run/keyd/keyd.sock"
#define KEYD_DEFAULT_TIMEOUT_MS 10000 /* when a call gives 0: long enough for an HSM's restart */
#define KEYD_RESTART_MAX_MS     3000  /* keyd_create_key: a supervised restart takes less */
#define KEYD_TIMEOUT_MAX_MS     60000 /* longer ones are cut to this, as the server does */
#define KEYD_MESSAGE_SIZE_MAX   65536 /* bytes of a RAW message */

struct keyd_client;

/* socket: path of keyd's Unix socket; NULL: $KEYD_SOCKET, else KEYD_DEFAULT_SOCKET. Checks that the
 * path is a socket (NOT_FOUND, reason SOCKET_MISSING, when nothing is there; INVALID_ARGUMENT when
 * it is something else or longer than sun_path allows; PERMISSION_DENIED, SOCKET_PERMISSION, when
 * this uid may not even look) and prepares the client; the connection
 * itself is made by the first call. Does not block on the network. *client is *owned*:
 * keyd_disconnect. */
KEYD_API enum keyd_status keyd_connect(const char *socket, struct keyd_client **client,
                                       struct keyd_error *err) KEYD_CHECKED;

/* Cancels what is in flight (its callbacks still come, CANCELLED), waits for it, frees. Takes NULL.
 * Never from a callback. */
KEYD_API void keyd_disconnect(struct keyd_client *client);

/* The library's version, as "0.1.0"; static. */
KEYD_API const char *keyd_version(void);

/* ---- Keys ---------------------------------------------------------------------------------- */

/* What keyd knows of a key. *Owned* as a whole: keyd_key_free. Strings are never NULL. */
struct keyd_key {
    char *key_id;
    char *key_spec;
    char *key_usage;
    char *key_state;
    char *state_reason; /* why it is not ENABLED, for people; else empty */
    char *description;
    char *token;
    char *creator;
    char *default_signing_algorithm;
    char **signing_algorithms; /* NULL-terminated */
    char **aliases;            /* NULL-terminated, each "alias/NAME", sorted */
    int64_t creation_time_ms;  /* since 1970-01-01T00:00:00Z */
};

KEYD_API void keyd_key_free(struct keyd_key *key); /* takes NULL */

/* Unset members (NULL) take the server's defaults; only key_spec is required. */
struct keyd_create_key_request {
    const char *key_spec;
    const char *key_usage;
    const char *description; /* at most 1,024 bytes of UTF-8 */
    const char *alias;       /* "alias/NAME": appears together with the key, or not at all */
    const char *token;
    const char *request_id; /* at most 64 of [A-Za-z0-9._:-]: the same request sent twice with it
                               makes one key. NULL: the library makes one up, so that its own
                               repetition is safe; a second call makes a second key. */
};

/* timeout_ms: 0 for the default. When keyd or the token's keyd-hsm goes away while it has the
 * request, the request is sent again, under the same request_id, for as long as a restart may take
 * (KEYD_RESTART_MAX_MS). *key is *owned*. */
KEYD_API enum keyd_status keyd_create_key(struct keyd_client *client,
                                          const struct keyd_create_key_request *request,
                                          int timeout_ms, struct keyd_key **key,
                                          struct keyd_error *err) KEYD_CHECKED;

KEYD_API enum keyd_status keyd_describe_key(struct keyd_client *client, const char *key_id,
                                            int timeout_ms, struct keyd_key **key,
                                            struct keyd_error *err) KEYD_CHECKED;

/* A page of keys, in the order of their ids. *Owned*: keyd_key_list_free. */
struct keyd_key_list {
    struct keyd_key **keys;
    size_t count;
    char *next_marker; /* NULL at the end, else the marker of the next page */
};

KEYD_API void keyd_key_list_free(struct keyd_key_list *list); /* takes NULL */

/* limit: 1 to 1,000; 0 for 100. marker: NULL for the first page. */
KEYD_API enum keyd_status keyd_list_keys(struct keyd_client *client, unsigned limit,
                                         const char *marker, int timeout_ms,
                                         struct keyd_key_list **list,
                                         struct keyd_error *err) KEYD_CHECKED;

/* *Owned*: keyd_public_key_free. */
struct keyd_public_key {
    char *key_id; /* the UUID, whichever name was asked for */
    char *key_spec;
    char *key_usage;
    char **signing_algorithms; /* NULL-terminated */
    uint8_t *der;              /* SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) */
    size_t der_length;         /* bytes */
};

KEYD_API void keyd_public_key_free(struct keyd_public_key *key); /* takes NULL */

KEYD_API enum keyd_status keyd_get_public_key(struct keyd_client *client, const char *key_id,
                                              int timeout_ms, struct keyd_public_key **key,
                                              struct keyd_error *err) KEYD_CHECKED;

/* ---- Signing ------------------------------------------------------------------------------- */

struct keyd_sign_request {
    const char *key_id;
    const uint8_t *message;        /* *borrowed* for the call */
    size_t message_length;         /* RAW: 1 to KEYD_MESSAGE_SIZE_MAX; digest: the hash's length */
    bool is_digest;                /* message is the digest; false: the message itself (RAW) */
    const char *signing_algorithm; /* NULL: the key's default */
};

/* *Owned*: keyd_signature_free. */
struct keyd_signature {
    char *key_id;            /* the UUID, whichever name was asked for */
    char *signing_algorithm; /* the one that was used */
    uint8_t *bytes;          /* ECDSA: DER (RFC 3279, 2.2.3); RSA, Ed25519: the bare signature */
    size_t length;
};

KEYD_API void keyd_signature_free(struct keyd_signature *signature); /* takes NULL */

/* One signature. It is not tried again by itself: what fails as UNAVAILABLE may be sent again. */
KEYD_API enum keyd_status keyd_sign(struct keyd_client *client,
                                    const struct keyd_sign_request *request, int timeout_ms,
                                    struct keyd_signature **signature,
                                    struct keyd_error *err) KEYD_CHECKED;

/* What came of keyd_sign_start. On KEYD_OK signature is *given away* to the callback
 * (keyd_signature_free); else it is NULL and err, *borrowed*, says why. Called once, from a thread
 * of the library: do not block in it; it may start further calls. */
typedef void keyd_sign_callback(void *context, enum keyd_status status,
                                struct keyd_signature *signature, const struct keyd_error *err);

/* Starts a signature and returns at once, for many in flight from few threads. The request is
 * copied. When it returns another status than KEYD_OK the callback is never called. */
KEYD_API enum keyd_status keyd_sign_start(struct keyd_client *client,
                                          const struct keyd_sign_request *request, int timeout_ms,
                                          keyd_sign_callback *callback, void *context,
                                          struct keyd_error *err) KEYD_CHECKED;

/* ---- Service ------------------------------------------------------------------------------- */

/* Something that a token cannot do, or not as keyd would have it. */
struct keyd_limitation {
    char *name;        /* for programs, as CKM_EDDSA or RSA_4096 */
    char *description; /* for people: what does not work because of it */
};

struct keyd_token {
    char *token;
    char *state;         /* READY, AWAY, LOGIN_NEEDED or FAULTY */
    char *state_message; /* for people; empty when READY */
    char *label;         /* the four from CK_TOKEN_INFO, empty until the token was first seen */
    char *serial;
    char *manufacturer;
    char *model;
    unsigned keys;          /* that keyd knows on it */
    bool separate_uid;      /* keyd-hsm runs under another uid than keyd: the wall stands */
    char *module;           /* its PKCS #11 module: description, version, manufacturer */
    unsigned session_limit; /* sessions that it has for all its users; 0: it names no limit */
    unsigned free_sessions; /* of these, when keyd-hsm had taken its own */
    struct keyd_limitation *limitations;
    size_t limitation_count;
};

/* *Owned*: keyd_service_free. */
struct keyd_service {
    char *server_version;
    char *default_token;
    char *principal; /* who the caller is to keyd, as "uid:1000" */
    struct keyd_token *tokens;
    size_t token_count;
};

KEYD_API void keyd_service_free(struct keyd_service *service); /* takes NULL */

KEYD_API enum keyd_status keyd_describe_service(struct keyd_client *client, int timeout_ms,
                                                struct keyd_service **service,
                                                struct keyd_error *err) KEYD_CHECKED;

/* gRPC's name of a status, "NOT_FOUND"; static. */
KEYD_API const char *keyd_status_name(enum keyd_status status);

#ifdef __cplusplus
}
#endif

#endif
