/* SPDX-License-Identifier: BSD-2-Clause
 * Many signatures in flight from one thread, each callback starting the next: the way to use
 * keyd_sign_start for a zone. */
#include <pthread.h>
#include <stdatomic.h>

#include "client/lib/keyd.h"
#include "tests/lib/fake.h"

#define IN_FLIGHT 128
#define MESSAGES  3000

struct batch {
    struct keyd_client *client;
    atomic_int next;
    atomic_int wrong;
    atomic_int done;
    pthread_mutex_t lock;
    pthread_cond_t finished;
};

struct slot {
    struct batch *batch;
    uint8_t digest[32]; /* the fake gives a digest back as its own signature */
};

static void start_next(struct slot *slot);

static void finish(struct batch *batch)
{
    pthread_mutex_lock(&batch->lock);
    if (++batch->done == MESSAGES)
        pthread_cond_signal(&batch->finished);
    pthread_mutex_unlock(&batch->lock);
}

static void signed_one(void *context, enum keyd_status status, struct keyd_signature *signature,
                       const struct keyd_error *err)
{
    struct slot *slot = context;
    (void)err;
    if (status != KEYD_OK || signature->length != sizeof slot->digest ||
        memcmp(signature->bytes, slot->digest, sizeof slot->digest) != 0)
        slot->batch->wrong++;
    keyd_signature_free(signature);
    start_next(slot);
    finish(slot->batch);
}

static void start_next(struct slot *slot)
{
    struct batch *batch = slot->batch;
    int number = batch->next++;
    if (number >= MESSAGES)
        return;
    memcpy(slot->digest, &number, sizeof number);
    struct keyd_sign_request request = {"alias/a", slot->digest, sizeof slot->digest, true, NULL};
    if (keyd_sign_start(batch->client, &request, 60000, signed_one, slot, NULL) != KEYD_OK)
        batch->wrong++;
}

static void every_signature_comes_once_and_belongs_to_its_message(void **state)
{
    (void)state;
    struct fake fake;
    fake_folder(&fake, "keyd.sock");
    fake_start(&fake);
    struct batch batch = {.lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};
    assert_int_equal(keyd_connect(fake.socket, &batch.client, NULL), KEYD_OK);
    struct keyd_create_key_request request = {.key_spec = "ECC_NIST_P256", .alias = "alias/a"};
    struct keyd_key *key;
    assert_int_equal(keyd_create_key(batch.client, &request, 0, &key, NULL), KEYD_OK);
    keyd_key_free(key);

    static struct slot slots[IN_FLIGHT];
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        slots[i].batch = &batch;
        start_next(&slots[i]);
    }
    pthread_mutex_lock(&batch.lock);
    while (batch.done < MESSAGES)
        pthread_cond_wait(&batch.finished, &batch.lock);
    pthread_mutex_unlock(&batch.lock);
    assert_int_equal(batch.wrong, 0);
    keyd_disconnect(batch.client);
    fake_remove(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signature_comes_once_and_belongs_to_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
