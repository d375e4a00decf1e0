/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tasks are gathered in batches; full ones wait in a queue for the threads, which begin when there
 * is something in it. Whoever adds takes part when the queue is full, and at the end. */
#include "client/dnssec/checker.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "client/dns/bytes.h"
#include "client/dns/dname.h"

#define THREADS_MAX 64
#define BATCH_TASKS 64 /* some 4 ms of P-256 */
#define BATCHES_MAX 16 /* that wait: 1 MB at most for usual zones */
#define DER_MAX     160

/* What stands in a batch in front of owner, signature and message. */
struct head {
    size_t number; /* of the task, in the order of adding */
    size_t key;
    size_t owner_length;
    size_t signature_length;
    size_t message_length;
    unsigned line;
    uint16_t type;
};

struct batch {
    struct bytes tasks;
    size_t count;
    struct batch *next;
};

/* What one thread checks with. Preparing a context takes some µs, copying it less than one. */
struct tools {
    EVP_MD_CTX **prepared; /* one for each key */
    EVP_MD_CTX *work;
};

struct checker {
    struct tools tools; /* of the thread that adds */
    EVP_PKEY **keys;
    uint8_t *algorithms;
    size_t key_count;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct batch *first; /* the queue */
    struct batch **last;
    size_t waiting;
    bool closing;
    pthread_t threads[THREADS_MAX];
    size_t started;
    size_t wanted;
    struct batch *filling;
    size_t added;
    size_t bad_number; /* lowest number of a bad one; SIZE_MAX: none */
    struct check_result result;
};

/* ---- Keys and signatures -------------------------------------------------------------------- */

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = build != NULL ? OSSL_PARAM_BLD_to_param(build) : NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

/* RFC 6605, 4: x | y. */
static EVP_PKEY *ecdsa_key(const struct dnskey *key, const char *group, size_t wanted)
{
    uint8_t point[1 + 96] = {POINT_CONVERSION_UNCOMPRESSED};
    if (key->length != wanted)
        return NULL;
    memcpy(point + 1, key->key, wanted);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + wanted) == 1)
        pkey = key_from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

/* RFC 3110, 2: a length of one byte, or of 0 and two, the exponent, the modulus. */
static EVP_PKEY *rsa_key(const struct dnskey *key)
{
    size_t at = 1;
    size_t exponent = key->length > 0 ? key->key[0] : 0;
    if (exponent == 0 && key->length > 3) {
        exponent = (size_t)key->key[1] << 8 | key->key[2];
        at = 3;
    }
    if (exponent == 0 || key->length <= at + exponent)
        return NULL;
    BIGNUM *e = BN_bin2bn(key->key + at, (int)exponent, NULL);
    BIGNUM *n = BN_bin2bn(key->key + at + exponent, (int)(key->length - at - exponent), NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (e != NULL && n != NULL && build != NULL &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1)
        pkey = key_from_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return pkey;
}

static EVP_PKEY *key_of(const struct dnskey *key)
{
    switch (key->algorithm) {
    case 8:
    case 10:
        return rsa_key(key);
    case 13:
        return ecdsa_key(key, "prime256v1", 64);
    case 14:
        return ecdsa_key(key, "secp384r1", 96);
    case 15:
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->key, key->length);
    default:
        return NULL;
    }
}

static const EVP_MD *hash_of(uint8_t algorithm)
{
    switch (algorithm) {
    case 8:
    case 13:
        return EVP_sha256();
    case 10:
        return EVP_sha512();
    case 14:
        return EVP_sha384();
    default:
        return NULL;
    }
}

/* r | s to DER; 0 when it has another length. */
static size_t to_der(const uint8_t *signature, size_t length, size_t wanted, uint8_t der[DER_MAX])
{
    if (length != wanted)
        return 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)(length / 2), NULL);
    BIGNUM *s = BN_bin2bn(signature + length / 2, (int)(length / 2), NULL);
    uint8_t *at = der;
    int made = 0;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL;
        made = i2d_ECDSA_SIG(pair, NULL) <= DER_MAX ? i2d_ECDSA_SIG(pair, &at) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return made > 0 ? (size_t)made : 0;
}

static void close_tools(struct tools *tools, size_t key_count)
{
    for (size_t i = 0; tools->prepared != NULL && i < key_count; i++)
        EVP_MD_CTX_free(tools->prepared[i]);
    free(tools->prepared);
    EVP_MD_CTX_free(tools->work);
    *tools = (struct tools){0};
}

static bool open_tools(const struct checker *checker, struct tools *tools)
{
    *tools = (struct tools){.prepared = calloc(checker->key_count + 1, sizeof *tools->prepared),
                            .work = EVP_MD_CTX_new()};
    bool good = tools->prepared != NULL && tools->work != NULL;
    for (size_t i = 0; i < checker->key_count && good; i++) {
        tools->prepared[i] = EVP_MD_CTX_new();
        good = tools->prepared[i] != NULL &&
               EVP_DigestVerifyInit(tools->prepared[i], NULL, hash_of(checker->algorithms[i]), NULL,
                                    checker->keys[i]) == 1;
    }
    if (!good)
        close_tools(tools, checker->key_count);
    return good;
}

static bool is_good(const struct tools *tools, size_t key, uint8_t algorithm,
                    const uint8_t *message, size_t message_length, const uint8_t *signature,
                    size_t length)
{
    uint8_t der[DER_MAX];
    if (algorithm == 13 || algorithm == 14) {
        length = to_der(signature, length, algorithm == 13 ? 64 : 96, der);
        signature = der;
    }
    bool good = length > 0 && EVP_MD_CTX_copy_ex(tools->work, tools->prepared[key]) == 1 &&
                EVP_DigestVerify(tools->work, signature, length, message, message_length) == 1;
    ERR_clear_error();
    return good;
}

/* ---- The queue ------------------------------------------------------------------------------ */

static void free_batch(struct batch *batch)
{
    if (batch != NULL)
        bytes_free(&batch->tasks);
    free(batch);
}

static void note_bad(struct checker *checker, const struct head *head, const uint8_t *owner)
{
    pthread_mutex_lock(&checker->mutex);
    if (head->number < checker->bad_number) {
        checker->bad_number = head->number;
        checker->result.bad = true;
        checker->result.type = head->type;
        checker->result.line = head->line;
        checker->result.key = head->key;
        memcpy(checker->result.owner, owner, head->owner_length);
    }
    pthread_mutex_unlock(&checker->mutex);
}

static void check_batch(struct checker *checker, const struct tools *tools, struct batch *batch)
{
    const uint8_t *at = batch->tasks.data;
    for (size_t i = 0; i < batch->count; i++) {
        struct head head;
        memcpy(&head, at, sizeof head);
        const uint8_t *owner = at + sizeof head;
        const uint8_t *signature = owner + head.owner_length;
        const uint8_t *message = signature + head.signature_length;
        if (!is_good(tools, head.key, checker->algorithms[head.key], message, head.message_length,
                     signature, head.signature_length))
            note_bad(checker, &head, owner);
        at = message + head.message_length;
    }
    free_batch(batch);
}

/* Takes a batch from the queue. Under the mutex; NULL: there is none. */
static struct batch *take_batch(struct checker *checker)
{
    struct batch *batch = checker->first;
    if (batch == NULL)
        return NULL;
    checker->first = batch->next;
    if (checker->first == NULL)
        checker->last = &checker->first;
    checker->waiting--;
    return batch;
}

static void *work(void *context)
{
    struct checker *checker = context;
    struct tools tools;
    if (!open_tools(checker, &tools))
        return NULL; /* the others do it */
    pthread_mutex_lock(&checker->mutex);
    for (;;) {
        struct batch *batch = take_batch(checker);
        if (batch != NULL) {
            pthread_mutex_unlock(&checker->mutex);
            check_batch(checker, &tools, batch);
            pthread_mutex_lock(&checker->mutex);
        } else if (checker->closing) {
            break;
        } else {
            pthread_cond_wait(&checker->changed, &checker->mutex);
        }
    }
    pthread_mutex_unlock(&checker->mutex);
    close_tools(&tools, checker->key_count);
    return NULL;
}

/* Puts the batch that was filled into the queue; does one itself when it is full. */
static void hand_out(struct checker *checker)
{
    struct batch *mine = NULL;
    pthread_mutex_lock(&checker->mutex);
    *checker->last = checker->filling;
    checker->last = &checker->filling->next;
    checker->filling = NULL;
    checker->waiting++;
    if (checker->started < checker->wanted &&
        pthread_create(&checker->threads[checker->started], NULL, work, checker) == 0)
        checker->started++;
    if (checker->waiting > BATCHES_MAX || checker->started == 0)
        mine = take_batch(checker);
    pthread_cond_signal(&checker->changed);
    pthread_mutex_unlock(&checker->mutex);
    if (mine != NULL)
        check_batch(checker, &checker->tools, mine);
}

/* ---- From outside --------------------------------------------------------------------------- */

static unsigned cores_besides_this(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 1 ? (unsigned)count - 1 : 0;
}

enum keyd_status checker_new(const struct dnskey *keys, size_t count, unsigned threads,
                             struct checker **checker, struct keyd_error *err)
{
    struct checker *made = calloc(1, sizeof *made);
    if (made == NULL)
        return keyd_fail_errno(err, ENOMEM, "verifying");
    made->last = &made->first;
    made->bad_number = SIZE_MAX;
    made->wanted = threads != 0 ? threads - 1 : cores_besides_this();
    if (made->wanted > THREADS_MAX)
        made->wanted = THREADS_MAX;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->keys = calloc(count + 1, sizeof *made->keys);
    made->algorithms = calloc(count + 1, 1);
    *checker = made;
    if (made->keys == NULL || made->algorithms == NULL)
        return keyd_fail_errno(err, ENOMEM, "verifying");
    for (; made->key_count < count; made->key_count++) {
        EVP_PKEY *pkey = key_of(&keys[made->key_count]);
        if (pkey == NULL)
            return keyd_fail_openssl(err, "the DNSKEY with tag %u cannot be used",
                                     dnskey_tag(&keys[made->key_count]));
        made->keys[made->key_count] = pkey;
        made->algorithms[made->key_count] = keys[made->key_count].algorithm;
    }
    if (!open_tools(made, &made->tools))
        return keyd_fail_openssl(err, "verifying");
    return KEYD_OK;
}

enum keyd_status checker_add(struct checker *checker, const struct check_task *task,
                             struct keyd_error *err)
{
    if (checker->filling == NULL)
        checker->filling = calloc(1, sizeof *checker->filling);
    struct batch *batch = checker->filling;
    if (batch == NULL)
        return keyd_fail_errno(err, ENOMEM, "verifying");
    struct head head;
    memset(&head, 0, sizeof head);
    head.number = checker->added++;
    head.key = task->key;
    head.owner_length = dname_length(task->owner);
    head.signature_length = task->signature_length;
    head.message_length = task->message_length;
    head.line = task->line;
    head.type = task->type;
    bytes_add(&batch->tasks, &head, sizeof head);
    bytes_add(&batch->tasks, task->owner, head.owner_length);
    bytes_add(&batch->tasks, task->signature, head.signature_length);
    bytes_add(&batch->tasks, task->message, head.message_length);
    if (batch->tasks.failed)
        return keyd_fail_errno(err, ENOMEM, "verifying");
    batch->count++;
    if (batch->count == BATCH_TASKS)
        hand_out(checker);
    return KEYD_OK;
}

void checker_end(struct checker *checker, struct check_result *result)
{
    if (checker == NULL)
        return;
    struct batch *batch = checker->filling;
    do {
        if (batch != NULL && !batch->tasks.failed)
            check_batch(checker, &checker->tools, batch);
        else
            free_batch(batch);
        pthread_mutex_lock(&checker->mutex);
        batch = take_batch(checker);
        pthread_mutex_unlock(&checker->mutex);
    } while (batch != NULL);
    pthread_mutex_lock(&checker->mutex);
    checker->closing = true;
    pthread_cond_broadcast(&checker->changed);
    pthread_mutex_unlock(&checker->mutex);
    for (size_t i = 0; i < checker->started; i++)
        pthread_join(checker->threads[i], NULL);
    checker->result.checked = checker->added;
    *result = checker->result;
    close_tools(&checker->tools, checker->key_count);
    for (size_t i = 0; i < checker->key_count; i++)
        EVP_PKEY_free(checker->keys[i]);
    free(checker->keys);
    free(checker->algorithms);
    pthread_cond_destroy(&checker->changed);
    pthread_mutex_destroy(&checker->mutex);
    free(checker);
}
