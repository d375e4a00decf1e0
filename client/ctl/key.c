/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/ctl/key.h"

#include <stdlib.h>
#include <string.h>

#include "keyd/base/clock.h"

json_t *words_json(char *const *words)
{
    json_t *list = json_array();
    for (size_t i = 0; words[i] != NULL; i++)
        if (json_array_append_new(list, json_string(words[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *key_json(const struct keyd_key *key)
{
    char created[CLOCK_TEXT_MAX];
    clock_format(key->creation_time_ms, created);
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:s, s:s}", //
                     "KeyId", key->key_id,                                                //
                     "CreationDate", created,                                             //
                     "Enabled", strcmp(key->key_state, "ENABLED") == 0,                   //
                     "Description", key->description,                                     //
                     "KeyUsage", key->key_usage,                                          //
                     "KeyState", key->key_state,                                          //
                     "StateReason", key->state_reason,                                    //
                     "KeySpec", key->key_spec,                                            //
                     "SigningAlgorithms", words_json(key->signing_algorithms),            //
                     "DefaultSigningAlgorithm", key->default_signing_algorithm,           //
                     "Aliases", words_json(key->aliases),                                 //
                     "Token", key->token,                                                 //
                     "Creator", key->creator);
}

void print_key_fields(const struct keyd_key *key)
{
    char created[CLOCK_TEXT_MAX];
    clock_format(key->creation_time_ms, created);
    char *aliases = join(key->aliases);
    print_fields(key->key_id, key->key_state, key->key_spec, key->key_usage, key->token, created,
                 key->default_signing_algorithm, aliases, key->description, NULL);
    free(aliases);
}

static void print_key_pairs(const struct keyd_key *key)
{
    char created[WHEN_MAX];
    when_text(key->creation_time_ms, clock_now(), created);
    char *aliases = join(key->aliases);
    char *algorithms = join(key->signing_algorithms);
    const struct pair pairs[] = {
        {"Key id", key->key_id},
        {"Aliases", aliases},
        {"State", key->key_state},
        {"Why", key->state_reason},
        {"Key spec", key->key_spec},
        {"Key usage", key->key_usage},
        {"Signs by default", key->default_signing_algorithm},
        {"Can sign", algorithms},
        {"Token", key->token},
        {"Created", created},
        {"Created by", key->creator},
        {"Description", key->description},
    };
    print_pairs(pairs, sizeof pairs / sizeof pairs[0]);
    free(aliases);
    free(algorithms);
}

void print_key(enum output output, const struct keyd_key *key)
{
    if (output == OUTPUT_JSON)
        print_json(json_pack("{s:o}", "KeyMetadata", key_json(key)));
    else if (output == OUTPUT_TEXT)
        print_key_fields(key);
    else
        print_key_pairs(key);
}
