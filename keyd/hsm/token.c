/* SPDX-License-Identifier: BSD-2-Clause */
#include "keyd/hsm/token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "keyd/base/file.h"
#include "keyd/hsm/ending.h"
#include "keyd/hsm/keys.h"
#include "keyd/hsm/lastwords.h"
#include "keyd/hsm/login.h"

#define REASON_JOURNAL_EXISTS  "JOURNAL_EXISTS"
#define REASON_JOURNAL_LOST    "JOURNAL_LOST"
#define REASON_JOURNAL_FOREIGN "JOURNAL_FOREIGN"

/* What a start afresh cannot mend: a person has to do something about the journal. */
static bool is_final(const struct keyd_error *err)
{
    static const char *const reasons[] = {REASON_JOURNAL_BROKEN, REASON_JOURNAL_NEWER,
                                          REASON_JOURNAL_ODD, REASON_JOURNAL_LOST,
                                          REASON_JOURNAL_FOREIGN};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(err->reason, reasons[i]) == 0)
            return true;
    return false;
}

static void state_path(const struct hsm_config *config, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", config->state_folder, name);
}

static enum keyd_status make_state_folder(const struct token *token, struct keyd_error *err)
{
    struct keyd_error failure;
    enum keyd_status status = file_make_folder(token->config->state_folder, 0700, &failure);
    if (status == KEYD_OK)
        return KEYD_OK;
    return keyd_fail(err, status, failure.reason,
                     "the state folder cannot be made: %s. Make %s, for keyd-hsm's user and with "
                     "mode 0700; keyd-hsm tries again",
                     failure.message, token->config->state_folder);
}

static enum keyd_status open_journal(struct token *token, bool new_journal, struct keyd_error *err)
{
    char path[PATH_MAX];
    state_path(token->config, CONFIG_STATE_JOURNAL, path);
    enum keyd_status status = make_state_folder(token, err);
    if (status == KEYD_OK)
        status = journal_open(path, register_apply, token->keys, &token->journal, err);
    if (status == KEYD_OK && new_journal && journal_token(token->journal) != NULL)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_EXISTS,
                         "%s has records: --new-journal is for a token whose journal is lost. "
                         "Start without it",
                         path);
    return status;
}

static enum keyd_status load_module(struct token *token, struct keyd_error *err)
{
    const struct hsm_config *config = token->config;
    for (size_t i = 0; i < config->environment_count; i++)
        if (setenv(config->environment[i].name, config->environment[i].value, 1) != 0)
            return keyd_fail_errno(err, errno, "the environment variable %s",
                                   config->environment[i].name);
    token->module.call_limit_ms = (int64_t)config->module_call_limit * 1000;
    token->module.generation_limit_ms = (int64_t)config->key_generation_limit * 1000;
    enum keyd_status status =
        module_load(&token->module, config->module, config->label, config->serial, err);
    token->loaded = status == KEYD_OK;
    if (status == KEYD_OK)
        limitations_of_offers(&token->limitations, &token->module);
    return status;
}

static enum keyd_status check_owner(const struct token *token, struct keyd_error *err)
{
    const char *owner = journal_token(token->journal);
    if (owner == NULL || strcmp(owner, token->module.serial) == 0)
        return KEYD_OK;
    return keyd_fail(
        err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_FOREIGN,
        "the journal in %s is about the token with serial %s, and this one has %s. "
        "Correct `label` and `serial`, or give this token a `state_folder` of its own, and start "
        "keyd-hsm again",
        token->config->state_folder, owner, token->module.serial);
}

/* Before the login: a token that can never serve is not logged in to with each try. */
static enum keyd_status check_sessions(const struct token *token, struct keyd_error *err)
{
    struct session_room room;
    enum keyd_status status = module_session_room(&token->module, 0, &room, err);
    if (status == KEYD_OK && room.limit == 1)
        return keyd_fail(
            err, KEYD_FAILED_PRECONDITION, "TOKEN_SESSIONS",
            "the token has one session for all its users, and keyd-hsm needs two: one "
            "to make keys and one to sign. Raise that with the vendor's tools; keyd-hsm "
            "tries again");
    return status;
}

static enum keyd_status open_maker(struct token *token, struct keyd_error *err)
{
    CK_FLAGS flags = 0;
    enum keyd_status status = check_sessions(token, err);
    if (status == KEYD_OK)
        status = maker_open(&token->maker, &token->module, err);
    if (status == KEYD_OK)
        status = module_token_flags(&token->module, &flags, err);
    if (token->maker.read_only)
        flags |= CKF_WRITE_PROTECTED;
    limitations_of_flags(&token->limitations, flags);
    return status;
}

static void find_limitations(struct token *token)
{
    const struct maker *maker = &token->maker;
    if (maker->held.copyable || maker->made.copyable)
        limitations_add(&token->limitations, "CKA_COPYABLE",
                        "the token does not say of its keys that they cannot be copied inside of "
                        "it: that is its own choice");
    if (maker->held.always_authenticate)
        limitations_add(&token->limitations, "CKA_ALWAYS_AUTHENTICATE",
                        "the token wants the PIN for each signature with keys that it holds: those "
                        "cannot sign here");
    else if (maker_expects_always_authenticate(maker))
        limitations_add(&token->limitations, "CKA_ALWAYS_AUTHENTICATE",
                        "the token makes keys so that it wants the PIN for each signature: no such "
                        "key is kept here");
}

static enum keyd_status log_in(struct token *token, struct keyd_error *err)
{
    state_path(token->config, CONFIG_STATE_LOGIN, token->login_record);
    struct login login = {.session = &token->maker.session,
                          .config = token->config,
                          .pin = &token->pin,
                          .record_file = token->login_record};
    enum keyd_status status = login_perform(&login, err);
    token->at_pad = login.at_pad;
    token->unwritten = login.unwritten;
    if (status == KEYD_OK)
        log_notice("logged in to the token '%s', serial %s (%s, %s)", token->module.label,
                   token->module.serial, token->module.manufacturer, token->module.model);
    return status;
}

/* A token with keys and no journal has lost it: those keys may be ours, and nobody can tell. */
static enum keyd_status begin_journal(struct token *token, bool new_journal, struct keyd_error *err)
{
    bool any = false;
    if (journal_token(token->journal) != NULL)
        return KEYD_OK;
    enum keyd_status status = keys_any(&token->maker.session, &any, err);
    if (status != KEYD_OK)
        return status;
    if (any && !new_journal)
        return keyd_fail(err, KEYD_DATA_LOSS, REASON_JOURNAL_LOST,
                         "the token holds keys, and %s has no journal of them: it is lost, or the "
                         "token is another tool's. Put the journal back from its backup and start "
                         "keyd-hsm again; or start it once with --new-journal, and the keys that "
                         "are there stay untouched and unmanaged",
                         token->config->state_folder);
    status = journal_begin(token->journal, token->module.serial, err);
    if (status == KEYD_OK)
        log_notice("a new journal is begun in %s%s", token->config->state_folder,
                   any ? "; the keys that are on the token stay unmanaged" : "");
    return status;
}

/* Fewer sessions than signers is a slower keyd-hsm, not a broken one. */
static enum keyd_status open_signers(struct token *token, struct keyd_error *err)
{
    struct keyd_error failure;
    while (token->signer_count < token->config->signers) {
        struct session *session = &token->signers[token->signer_count];
        enum keyd_status status = session_open(session, &token->module, false, &failure);
        if (status == KEYD_RESOURCE_EXHAUSTED && token->signer_count > 0) {
            limitations_add(&token->limitations, "SESSIONS",
                            "the token gives sessions for %u of %u signers: signing is slower. "
                            "End other users of it, or set `signers` to %u",
                            token->signer_count, token->config->signers, token->signer_count);
            return KEYD_OK;
        }
        if (status == KEYD_RESOURCE_EXHAUSTED)
            return keyd_fail(
                err, status, failure.reason,
                "the token's sessions are all taken, and keyd-hsm needs two: end other "
                "users of the token; keyd-hsm tries again");
        if (status != KEYD_OK)
            return keyd_fail(err, status, failure.reason, "%s", failure.message);
        token->signer_count++;
    }
    return KEYD_OK;
}

/* A module that ends the process as it is loaded would do so for ever, and no front would hear why:
 * so every other start tells it instead of trying. One that ends it in the trial of a pair would
 * have been well without, and the next start is. */
static enum keyd_status hear_last_words(struct token *token, struct keyd_error *err)
{
    char words[LASTWORDS_MAX];
    enum lastwords about = lastwords_take(token->config->state_folder, words);
    token->maker.untried = about == LASTWORDS_TRIAL;
    if (about == LASTWORDS_TRIAL)
        log_warning(
            "the last start ended in %s, when it tried to learn what new keys are like: %s. "
            "This one does not try",
            token->config->module, words);
    if (about != LASTWORDS_START)
        return KEYD_OK;
    return keyd_fail(err, KEYD_UNAVAILABLE, "MODULE",
                     "the last start ended in %s: %s. See the module's own log and the vendor's "
                     "tools; keyd-hsm tries again",
                     token->config->module, words);
}

static enum keyd_status bring_up(struct token *token, bool new_journal, struct keyd_error *err)
{
    enum keyd_status status = open_journal(token, new_journal, err);
    if (status == KEYD_OK)
        status = ending_check(err);
    if (status == KEYD_OK)
        status = load_module(token, err);
    if (status == KEYD_OK)
        status = check_owner(token, err);
    if (status == KEYD_OK)
        status = open_maker(token, err);
    if (status == KEYD_OK)
        status = ending_check(err); /* no try that there may be no time for */
    if (status == KEYD_OK)
        status = log_in(token, err);
    if (status == KEYD_OK)
        status = ending_check(err);
    if (status == KEYD_OK)
        status = begin_journal(token, new_journal, err);
    if (status != KEYD_OK)
        return status;
    token->maker.keys = token->keys;
    token->maker.journal = token->journal;
    status = maker_settle(&token->maker, err);
    if (status == KEYD_OK)
        status = maker_match(&token->maker, err);
    if (status == KEYD_OK)
        status = ending_check(err);
    if (status == KEYD_OK)
        status = maker_try(&token->maker, err);
    if (status == KEYD_OK)
        status = open_signers(token, err);
    if (status != KEYD_OK)
        return status;
    find_limitations(token);
    return module_session_room(&token->module, token->signer_count + 1, &token->room, err);
}

enum keyd_status token_claim(struct token *token, const struct hsm_config *config,
                             struct keyd_error *err)
{
    *token = (struct token){.config = config, .claim = -1};
    pin_prepare(&token->pin, config);
    if (file_make_folder(config->state_folder, 0700, NULL) != KEYD_OK)
        return KEYD_OK;
    token->claim = open(config->state_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Where a file system locks no folders, the journal's own lock is left. */
    if (token->claim < 0 || flock(token->claim, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return KEYD_OK;
    return keyd_fail(err, KEYD_FAILED_PRECONDITION, REASON_JOURNAL_LOCKED,
                     "%s is held by another keyd-hsm: one process serves one token. End the other "
                     "one, or give each a `state_folder` of its own",
                     config->state_folder);
}

enum keyd_status token_start(struct token *token, bool new_journal, struct keyd_error *err)
{
    token->keys = register_new();
    if (token->keys == NULL)
        return keyd_fail_errno(err, ENOMEM, "the register");
    struct keyd_error failure;
    enum keyd_status status = hear_last_words(token, &failure);
    if (status == KEYD_OK) {
        lastwords_begin(token->config->state_folder);
        status = bring_up(token, new_journal, &failure);
        lastwords_end();
    }
    if (status == KEYD_OK) {
        token->state = TOKEN_READY;
        log_info("%zu keys, %u signers", register_count(token->keys, REGISTER_CREATED),
                 token->signer_count);
        return KEYD_OK;
    }
    /* Not held while it is not used, so that it can be mended meanwhile. */
    journal_close(token->journal);
    token->journal = NULL;
    token->signer_count = 0;
    if (strcmp(failure.reason, REASON_JOURNAL_LOCKED) == 0 ||
        strcmp(failure.reason, REASON_JOURNAL_EXISTS) == 0)
        return keyd_fail(err, failure.status, failure.reason, "%s", failure.message);
    bool login = login_is_needed(&failure);
    token->state = login ? TOKEN_LOGIN_NEEDED : TOKEN_FAULTY;
    token->retry = !login && !is_final(&failure);
    memcpy(token->state_message, failure.message, sizeof token->state_message);
    memcpy(token->state_reason, failure.reason, sizeof token->state_reason);
    if (strcmp(failure.reason, REASON_ENDING) != 0)
        log_error("%s: %s", login ? "login needed" : "faulty", failure.message);
    return KEYD_OK;
}

bool token_write_record(struct token *token)
{
    if (token->unwritten == NULL || tries_write(token->unwritten, NULL) != KEYD_OK)
        return false;
    free(token->unwritten);
    token->unwritten = NULL;
    return true;
}

enum keyd_status token_permit_login(const struct token *token, bool final_try,
                                    struct keyd_error *err)
{
    char record[PATH_MAX];
    if (token->state == TOKEN_READY)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "LOGGED_IN",
                         "keyd-hsm is logged in to the token %s already", token->config->name);
    if (token->state != TOKEN_LOGIN_NEEDED)
        return keyd_fail(err, KEYD_FAILED_PRECONDITION, "TOKEN_FAULTY",
                         "the token %s is faulty, and no login helps: %s", token->config->name,
                         token->state_message);
    if (token->unwritten != NULL) {
        enum keyd_status status = tries_write(token->unwritten, err);
        if (status != KEYD_OK)
            return status;
    }
    state_path(token->config, CONFIG_STATE_LOGIN, record);
    return tries_permit(record, token->module.serial, final_try ? PERMIT_FINAL_TRY : PERMIT_ONCE,
                        err);
}
