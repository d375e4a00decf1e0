/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Creations, signatures and listings together on one token, through libkeyd, for some time; each
 * answer is judged. Tells how it goes twice a second, one JSON object a line. The first error is
 * said, ends all and gives status 1. scripts/soak runs it, and watches the servers.
 *
 *     soak SOCKET SECONDS SIGNERS
 *
 * Two creators make keys, so that creations meet; each signer has a client of its own; one lister
 * walks the list and asks for single keys.
 */
#include <err.h>
#include <inttypes.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/lib/keyd.h"
#include "keyd/base/clock.h"
#include "tests/soak/latency.h"
#include "tests/soak/signature.h"

#define KEYS_MAX           4000 /* a software token gets slow with more; long runs make them rarely */
#define CREATORS           2
#define SIGNERS_MAX        64
#define CREATION_MS        250 /* from one to the next, at least */
#define SIGNER_PAUSE_US    1000
#define LISTER_PAUSE_US    100000
#define CREATE_TIMEOUT_MS  60000 /* RSA-4096 behind another one on a busy machine */
#define REPORT_EVERY_MS    500
#define PAGE_MAX           1000
#define ALIAS_MAX          32
#define SINGLE_KEYS_A_WALK 10 /* described, and their public halves read, after each walk */

struct key {
    char *id;
    char *spec;
    char alias[ALIAS_MAX];
    struct keyd_public_key *half;
    EVP_PKEY *public_key;
};

static struct {
    const char *socket;
    int64_t begin_ns;
    int64_t end_ns;
    unsigned creation_ms;
    atomic_bool over;
    atomic_uint seeds;

    struct key keys[KEYS_MAX];
    atomic_size_t key_count; /* those before it are whole and never change */
    pthread_mutex_t lock;    /* of adding one */

    atomic_uint creations_begun;
    atomic_uint large_ones; /* RSA-4096 being made right now */
    atomic_ulong pages;
    atomic_ulong walks;
    atomic_ulong single_keys;
    atomic_ulong errors;
    struct latency signatures;
    struct latency beside_large; /* those that began while RSA-4096 was being made */
    struct latency creations;
    struct latency listings; /* one page each */
} soak = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- What all do ----------------------------------------------------------------------------- */

static double seconds_since_begin(void)
{
    return (double)(clock_monotonic_ns() - soak.begin_ns) / 1e9;
}

/* The first error says itself; what follows from it only counts. */
static void __attribute__((format(printf, 1, 2))) found(const char *format, ...)
{
    va_list args;
    if (atomic_fetch_add(&soak.errors, 1) == 0) {
        fprintf(stderr, "soak: after %.1f s: ", seconds_since_begin());
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
    }
    atomic_store(&soak.over, true);
}

static bool succeeded(enum keyd_status status, const struct keyd_error *error, const char *what)
{
    if (status != KEYD_OK)
        found("%s: %s: %s", what, keyd_status_name(status), error->message);
    return status == KEYD_OK;
}

static bool goes_on(void)
{
    return !atomic_load(&soak.over) && clock_monotonic_ns() < soak.end_ns;
}

static void sleep_us(long us)
{
    const struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static uint64_t us_since(int64_t start_ns)
{
    return (uint64_t)(clock_monotonic_ns() - start_ns) / 1000;
}

static struct keyd_client *connect_or_exit(void)
{
    struct keyd_error error;
    struct keyd_client *client;
    if (keyd_connect(soak.socket, &client, &error) != KEYD_OK)
        errx(1, "%s", error.message);
    return client;
}

static unsigned new_seed(void)
{
    return 1 + atomic_fetch_add(&soak.seeds, 1);
}

/* A random one of those that are made; there is one. */
static const struct key *any_key(unsigned *seed)
{
    return &soak.keys[(size_t)rand_r(seed) % atomic_load(&soak.key_count)];
}

/* ---- Creations ------------------------------------------------------------------------------- */

/* P-256 mostly, Ed25519 and RSA-2048 now and then, RSA-4096 rarely. */
static const char *spec_of(unsigned number)
{
    if (number % 64 == 5)
        return "RSA_4096";
    if (number % 8 == 3)
        return "RSA_2048";
    return number % 8 == 6 ? "ECC_NIST_EDWARDS25519" : "ECC_NIST_P256";
}

static bool half_is_good(const struct key *key)
{
    const uint8_t *der = key->half->der;
    return strcmp(key->half->key_id, key->id) == 0 && strcmp(key->half->key_spec, key->spec) == 0 &&
           key->public_key != NULL && der != NULL;
}

/* Reads the public half and shows the key to the others. */
static bool publish(struct keyd_client *client, struct key *key)
{
    struct keyd_error error;
    if (!succeeded(keyd_get_public_key(client, key->alias, 0, &key->half, &error), &error,
                   "the public half of a new key"))
        return false;
    const uint8_t *der = key->half->der;
    key->public_key = d2i_PUBKEY(NULL, &der, (long)key->half->der_length);
    if (!half_is_good(key)) {
        found("the public half of %s (%s) is not its own", key->id, key->alias);
        return false;
    }
    pthread_mutex_lock(&soak.lock);
    size_t place = atomic_load(&soak.key_count);
    soak.keys[place] = *key;
    atomic_store(&soak.key_count, place + 1);
    pthread_mutex_unlock(&soak.lock);
    return true;
}

static bool create(struct keyd_client *client, unsigned number)
{
    struct key key = {0};
    struct keyd_error error;
    struct keyd_key *made;
    bool large = strcmp(spec_of(number), "RSA_4096") == 0;
    snprintf(key.alias, sizeof key.alias, "alias/soak-%u", number);
    struct keyd_create_key_request request = {.key_spec = spec_of(number), .alias = key.alias};
    int64_t start = clock_monotonic_ns();
    atomic_fetch_add(&soak.large_ones, large);
    enum keyd_status status = keyd_create_key(client, &request, CREATE_TIMEOUT_MS, &made, &error);
    atomic_fetch_sub(&soak.large_ones, large);
    if (!succeeded(status, &error, "making a key"))
        return false;
    latency_add(&soak.creations, us_since(start));
    key.id = strdup(made->key_id);
    key.spec = strdup(made->key_spec);
    bool good = strcmp(key.spec, request.key_spec) == 0 && made->aliases[0] != NULL &&
                strcmp(made->aliases[0], key.alias) == 0;
    if (!good)
        found("asked for %s as %s, got %s as %s", request.key_spec, key.alias, key.spec,
              made->aliases[0] != NULL ? made->aliases[0] : "nothing");
    keyd_key_free(made);
    return good && publish(client, &key);
}

/* Waits for the time of creation `number`. */
static bool its_turn(unsigned number)
{
    int64_t at = soak.begin_ns + (int64_t)number * soak.creation_ms * 1000000;
    while (goes_on() && clock_monotonic_ns() < at)
        sleep_us(10000);
    return goes_on();
}

static void *run_creator(void *unused)
{
    struct keyd_client *client = connect_or_exit();
    for (;;) {
        unsigned number = atomic_fetch_add(&soak.creations_begun, 1);
        if (number < KEYS_MAX && its_turn(number) && create(client, number))
            continue;
        atomic_fetch_sub(&soak.creations_begun, 1); /* it was not made */
        break;
    }
    keyd_disconnect(client);
    return unused;
}

/* ---- Signatures ------------------------------------------------------------------------------ */

static void sign(struct keyd_client *client, struct signature_task *task, unsigned *seed)
{
    const struct key *key = any_key(seed);
    struct keyd_error error;
    struct keyd_signature *signature;
    signature_choose(task, key->spec, seed);
    const struct keyd_sign_request request = {.key_id = rand_r(seed) % 2 ? key->id : key->alias,
                                              .message = task->message,
                                              .message_length = task->message_length,
                                              .is_digest = task->is_digest,
                                              .signing_algorithm = task->algorithm};
    bool beside_large = atomic_load(&soak.large_ones) > 0;
    int64_t start = clock_monotonic_ns();
    enum keyd_status status = keyd_sign(client, &request, 0, &signature, &error);
    uint64_t us = us_since(start);
    if (!succeeded(status, &error, "signing"))
        return;
    latency_add(&soak.signatures, us);
    if (beside_large)
        latency_add(&soak.beside_large, us);
    if (strcmp(signature->key_id, key->id) != 0 ||
        !signature_verifies(task, key->public_key, signature))
        found("a signature of %s (%s) by %s of %zu bytes (%s) does not verify", key->id, key->spec,
              task->algorithm, task->message_length, task->is_digest ? "DIGEST" : "RAW");
    keyd_signature_free(signature);
}

static void *run_signer(void *unused)
{
    struct keyd_client *client = connect_or_exit();
    struct signature_task *task = malloc(sizeof *task);
    unsigned seed = new_seed();
    if (task == NULL)
        err(1, "a task");
    while (goes_on()) {
        sign(client, task, &seed);
        sleep_us(SIGNER_PAUSE_US);
    }
    free(task);
    keyd_disconnect(client);
    return unused;
}

/* ---- Listings -------------------------------------------------------------------------------- */

struct walk {
    char (*ids)[37];
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool take_page(struct walk *walk, const struct keyd_key_list *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct keyd_key *key = page->keys[i];
        if (walk->count == KEYS_MAX + 1 || strlen(key->key_id) + 1 != sizeof walk->ids[0] ||
            (walk->count > 0 && strcmp(walk->ids[walk->count - 1], key->key_id) >= 0)) {
            found("the list has %s out of order, or twice", key->key_id);
            return false;
        }
        if (strcmp(key->key_state, "ENABLED") != 0) {
            found("the list has %s as %s: %s", key->key_id, key->key_state, key->state_reason);
            return false;
        }
        memcpy(walk->ids[walk->count++], key->key_id, sizeof walk->ids[0]);
    }
    return true;
}

/* Reads the whole list, in pages of one random size. */
static bool read_list(struct keyd_client *client, struct walk *walk, unsigned limit)
{
    struct keyd_error error;
    char *marker = NULL;
    bool good;
    walk->count = 0;
    do {
        struct keyd_key_list *page;
        int64_t start = clock_monotonic_ns();
        good = succeeded(keyd_list_keys(client, limit, marker, 0, &page, &error), &error,
                         "listing keys");
        free(marker);
        marker = NULL;
        if (!good)
            break;
        latency_add(&soak.listings, us_since(start));
        atomic_fetch_add(&soak.pages, 1);
        good = take_page(walk, page);
        if (page->next_marker != NULL)
            marker = strdup(page->next_marker);
        keyd_key_list_free(page);
    } while (good && marker != NULL);
    free(marker);
    return good;
}

/* The list has each key that was there before the walk, and none that was not begun by its end. */
static bool judge_list(struct keyd_client *client, struct walk *walk, unsigned limit)
{
    size_t before = atomic_load(&soak.key_count);
    if (!read_list(client, walk, limit))
        return false;
    size_t begun = atomic_load(&soak.creations_begun);
    for (size_t i = 0; i < before; i++)
        if (bsearch(soak.keys[i].id, walk->ids, walk->count, sizeof walk->ids[0], by_text) ==
            NULL) {
            found("the list of %zu keys, %u a page, lacks %s, which was made before", walk->count,
                  limit, soak.keys[i].id);
            return false;
        }
    if (walk->count > begun)
        found("the list has %zu keys, and %zu were begun", walk->count, begun);
    atomic_fetch_add(&soak.walks, 1);
    return walk->count <= begun;
}

static bool ask_for_one(struct keyd_client *client, const struct key *key)
{
    struct keyd_error error;
    struct keyd_key *described;
    struct keyd_public_key *half;
    if (!succeeded(keyd_describe_key(client, key->alias, 0, &described, &error), &error,
                   "describing a key"))
        return false;
    bool good = strcmp(described->key_id, key->id) == 0 &&
                strcmp(described->key_spec, key->spec) == 0 &&
                strcmp(described->key_state, "ENABLED") == 0;
    keyd_key_free(described);
    if (!succeeded(keyd_get_public_key(client, key->id, 0, &half, &error), &error,
                   "reading a public half"))
        return false;
    good = good && half->der_length == key->half->der_length &&
           memcmp(half->der, key->half->der, half->der_length) == 0;
    keyd_public_key_free(half);
    if (!good)
        found("%s (%s, %s) is described as something else than it was", key->id, key->alias,
              key->spec);
    atomic_fetch_add(&soak.single_keys, 1);
    return good;
}

static bool token_is_ready(struct keyd_client *client)
{
    struct keyd_error error;
    struct keyd_service *service;
    if (!succeeded(keyd_describe_service(client, 0, &service, &error), &error, "the status"))
        return false;
    bool ready = service->token_count > 0 && strcmp(service->tokens[0].state, "READY") == 0;
    if (!ready)
        found("the token is %s: %s", service->token_count > 0 ? service->tokens[0].state : "none",
              service->token_count > 0 ? service->tokens[0].state_message : "");
    keyd_service_free(service);
    return ready;
}

static void *run_lister(void *unused)
{
    struct keyd_client *client = connect_or_exit();
    struct walk walk = {.ids = calloc(KEYS_MAX + 1, sizeof walk.ids[0])};
    unsigned seed = new_seed();
    if (walk.ids == NULL)
        err(1, "a list");
    while (goes_on()) {
        bool good = judge_list(client, &walk, 1 + (unsigned)rand_r(&seed) % PAGE_MAX);
        for (int i = 0; i < SINGLE_KEYS_A_WALK && good; i++)
            good = ask_for_one(client, any_key(&seed));
        if (!good || !token_is_ready(client))
            break;
        sleep_us(LISTER_PAUSE_US);
    }
    free(walk.ids);
    keyd_disconnect(client);
    return unused;
}

/* When nothing is under way the list is what was made, no more. */
static void judge_end(void)
{
    struct keyd_client *client = connect_or_exit();
    struct walk walk = {.ids = calloc(KEYS_MAX + 1, sizeof walk.ids[0])};
    if (walk.ids == NULL)
        err(1, "a list");
    if (judge_list(client, &walk, PAGE_MAX) && walk.count != atomic_load(&soak.key_count))
        found("at the end the list has %zu keys, and %zu were made", walk.count,
              atomic_load(&soak.key_count));
    free(walk.ids);
    keyd_disconnect(client);
}

/* ---- Telling --------------------------------------------------------------------------------- */

static void print_latency(const char *name, struct latency *latency)
{
    printf("\"%s\": {\"count\": %lu, \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64
           ", \"worst_us\": %lu}, ",
           name, atomic_load(&latency->count), latency_at(latency, 0.5), latency_at(latency, 0.99),
           atomic_load(&latency->worst_us));
}

static unsigned long keys_of(const char *spec)
{
    unsigned long count = 0;
    size_t all = atomic_load(&soak.key_count);
    for (size_t i = 0; i < all; i++)
        count += strcmp(soak.keys[i].spec, spec) == 0;
    return count;
}

static void report(void)
{
    static const char *const specs[] = {"ECC_NIST_P256", "ECC_NIST_EDWARDS25519", "RSA_2048",
                                        "RSA_4096"};
    printf("{\"elapsed_s\": %.1f, \"errors\": %lu, \"pages\": %lu, \"walks\": %lu, "
           "\"single_keys\": %lu, \"keys\": {",
           seconds_since_begin(), atomic_load(&soak.errors), atomic_load(&soak.pages),
           atomic_load(&soak.walks), atomic_load(&soak.single_keys));
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        printf("%s\"%s\": %lu", i > 0 ? ", " : "", specs[i], keys_of(specs[i]));
    printf("}, ");
    print_latency("signatures", &soak.signatures);
    print_latency("beside_rsa_4096", &soak.beside_large);
    print_latency("creations", &soak.creations);
    print_latency("listings", &soak.listings);
    printf("\"seconds\": %.1f}\n", (double)(soak.end_ns - soak.begin_ns) / 1e9);
    fflush(stdout);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static pthread_t start(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        errx(1, "a thread cannot be started");
    return thread;
}

static void free_keys(void)
{
    for (size_t i = 0; i < atomic_load(&soak.key_count); i++) {
        free(soak.keys[i].id);
        free(soak.keys[i].spec);
        keyd_public_key_free(soak.keys[i].half);
        EVP_PKEY_free(soak.keys[i].public_key);
    }
}

static void make_first_key(void)
{
    struct keyd_client *client = connect_or_exit();
    create(client, atomic_fetch_add(&soak.creations_begun, 1));
    keyd_disconnect(client);
}

int main(int argc, char **argv)
{
    double seconds = argc == 4 ? atof(argv[2]) : 0;
    int signers = argc == 4 ? atoi(argv[3]) : 0;
    if (seconds <= 0 || signers < 1 || signers > SIGNERS_MAX)
        errx(2, "usage: soak SOCKET SECONDS SIGNERS");
    soak.socket = argv[1];
    unsigned spread_ms = (unsigned)(seconds * 1000 / KEYS_MAX);
    soak.creation_ms = spread_ms > CREATION_MS ? spread_ms : CREATION_MS;
    soak.begin_ns = clock_monotonic_ns();
    soak.end_ns = soak.begin_ns + (int64_t)(seconds * 1e9);
    make_first_key();

    pthread_t threads[SIGNERS_MAX + CREATORS + 1];
    int count = 0;
    for (int i = 0; i < CREATORS; i++)
        threads[count++] = start(run_creator);
    for (int i = 0; i < signers; i++)
        threads[count++] = start(run_signer);
    threads[count++] = start(run_lister);
    while (goes_on()) {
        report();
        sleep_us(REPORT_EVERY_MS * 1000L);
    }
    while (count > 0)
        pthread_join(threads[--count], NULL);
    if (atomic_load(&soak.errors) == 0)
        judge_end();
    report();
    free_keys();
    return atomic_load(&soak.errors) > 0;
}
