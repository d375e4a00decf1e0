/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tokens as the environment lists them. */
#include "tests/mock/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/die.h"
#include "tests/mock/fault.h"

#define PIN_TRIES_MAX 100
#define MEMORY        (1ul << 20) /* bytes that it says it has */
#define NAME_SIZE     32          /* bytes of a manufacturer's name */
#define MODEL_SIZE    16

static struct token tokens[TOKENS_MAX + 1];
static size_t token_count;
static char *right_pin;
static unsigned pin_tries;

/* ---- Configuration -----------------------------------------------------------------------------
 */

static const char *setting(const char *variable, const char *otherwise)
{
    const char *text = getenv(variable);
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

static void add_token(const char *label, const char *serial)
{
    if (token_count > TOKENS_MAX)
        mock_die("KEYD_MOCK_TOKENS: more than %d tokens", TOKENS_MAX);
    if (strlen(label) > TOKEN_LABEL_SIZE || strlen(serial) > TOKEN_SERIAL_SIZE)
        mock_die("KEYD_MOCK_TOKENS: '%s=%s' is too long for a label and a serial number", label,
                 serial);
    if (token_by_serial(serial) != NULL)
        mock_die("KEYD_MOCK_TOKENS: two tokens have the serial number '%s'", serial);
    struct token *token = &tokens[token_count];
    *token = (struct token){.slot = TOKEN_SLOT_FIRST + token_count, .index = token_count};
    memcpy(token->label, label, strlen(label) + 1);
    memcpy(token->serial, serial, strlen(serial) + 1);
    token_count++;
}

static void add_listed(char *list)
{
    char *rest = NULL;
    for (char *word = strtok_r(list, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        char numbered[TOKEN_SERIAL_SIZE + 1];
        char *serial = strchr(word, '=');
        snprintf(numbered, sizeof numbered, "MOCK%04zu", token_count + 1);
        if (serial != NULL)
            *serial++ = '\0';
        if (token_count == TOKENS_MAX)
            mock_die("KEYD_MOCK_TOKENS: more than %d tokens", TOKENS_MAX);
        add_token(word, serial != NULL ? serial : numbered);
    }
    if (token_count == 0)
        mock_die("KEYD_MOCK_TOKENS lists no token");
}

void tokens_open(void)
{
    const char *tries = getenv("KEYD_MOCK_PIN_TRIES");
    const char *list = setting("KEYD_MOCK_TOKENS", TOKEN_DEFAULT_LIST);
    const char *pin = setting("KEYD_MOCK_PIN", TOKEN_DEFAULT_PIN);
    tokens_close();
    pin_tries = TOKEN_TRIES;
    if (tries != NULL) {
        unsigned long value = strtoul(tries, NULL, 10);
        if (value < 1 || value > PIN_TRIES_MAX)
            mock_die("KEYD_MOCK_PIN_TRIES is 1 to %d, not '%s'", PIN_TRIES_MAX, tries);
        pin_tries = (unsigned)value;
    }
    right_pin = mock_copy(pin, strlen(pin));
    char *copy = mock_copy(list, strlen(list));
    add_listed(copy);
    free(copy);
    add_token(tokens[0].label, TOKEN_TWIN_SERIAL);
    tokens[token_count - 1].twin = true;
}

void tokens_close(void)
{
    free(right_pin);
    right_pin = NULL;
    token_count = 0;
}

/* ---- Which there are ---------------------------------------------------------------------------
 */

size_t tokens_count(void)
{
    return token_count;
}

struct token *token_at(size_t index)
{
    return &tokens[index];
}

struct token *token_by_serial(const char *serial)
{
    for (size_t i = 0; i < token_count; i++)
        if (strcmp(tokens[i].serial, serial) == 0)
            return &tokens[i];
    return NULL;
}

/* The twin has no slot while it is not there. */
static bool has_slot(const struct token *token)
{
    return !token->twin || !token->away;
}

struct token *token_by_slot(CK_SLOT_ID slot)
{
    for (size_t i = 0; i < token_count; i++)
        if (tokens[i].slot == slot && has_slot(&tokens[i]))
            return &tokens[i];
    return NULL;
}

bool token_update(struct token *token)
{
    bool before = token->away;
    token->away = fault_token(FAULT_REMOVED, token->serial) ||
                  (token->twin && !fault_token(FAULT_DUPLICATE_LABEL, tokens[0].serial));
    return token->away && !before;
}

CK_RV token_slot_list(bool present, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_ULONG room = *count;
    CK_ULONG n = 0;
    for (size_t i = 0; i < token_count; i++) {
        if (!has_slot(&tokens[i]) || (present && tokens[i].away))
            continue;
        if (list != NULL && n < room)
            list[n] = tokens[i].slot;
        n++;
    }
    *count = n;
    return list != NULL && room < n ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

/* ---- What they say of themselves ---------------------------------------------------------------
 */

/* Fields are padded with blanks and not terminated. */
static void put_text(unsigned char *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, strnlen(text, size));
}

void token_slot_info(const struct token *token, CK_SLOT_INFO *info)
{
    char description[64];
    *info = (CK_SLOT_INFO){.flags = CKF_REMOVABLE_DEVICE};
    snprintf(description, sizeof description, "mock slot %lu", token->slot);
    put_text(info->slotDescription, sizeof info->slotDescription, description);
    put_text(info->manufacturerID, sizeof info->manufacturerID, "keyd tests");
    if (!token->away)
        info->flags |= CKF_TOKEN_PRESENT;
}

static CK_FLAGS pin_flags(const struct token *token)
{
    CK_FLAGS flags = 0;
    if (token->wrong_pins > 0)
        flags |= CKF_USER_PIN_COUNT_LOW;
    if (token->wrong_pins + 1 == pin_tries)
        flags |= CKF_USER_PIN_FINAL_TRY;
    if (token->wrong_pins >= pin_tries)
        flags |= CKF_USER_PIN_LOCKED;
    return flags;
}

static CK_FLAGS flags_of(const struct token *token)
{
    unsigned long values[2 * RULES_MAX];
    CK_FLAGS flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED |
                     CKF_TOKEN_INITIALIZED | pin_flags(token);
    if (fault_token(FAULT_PROTECTED_PATH, token->serial))
        flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    if (fault_token(FAULT_READ_ONLY, token->serial))
        flags |= CKF_WRITE_PROTECTED;
    size_t count = fault_token_values(FAULT_FLAGS, token->serial, values);
    for (size_t i = 0; i < count; i++)
        flags |= values[i];
    count = fault_token_values(FAULT_NO_FLAGS, token->serial, values);
    for (size_t i = 0; i < count; i++)
        flags &= ~values[i];
    return flags;
}

CK_RV token_info(const struct token *token, CK_TOKEN_INFO *info)
{
    if (token->away)
        return CKR_TOKEN_NOT_PRESENT;
    CK_ULONG memory = fault_token(FAULT_FULL, token->serial) ? 0 : MEMORY;
    CK_ULONG sessions = token_sessions_max(token);
    if (sessions == CK_UNAVAILABLE_INFORMATION)
        sessions = CK_EFFECTIVELY_INFINITE;
    *info = (CK_TOKEN_INFO){
        .flags = flags_of(token),
        .ulMaxSessionCount = sessions,
        .ulMaxRwSessionCount = sessions,
        .ulSessionCount = token->sessions,
        .ulRwSessionCount = token->rw_sessions,
        .ulMaxPinLen = TOKEN_PIN_MAX,
        .ulMinPinLen = TOKEN_PIN_MIN,
        .ulTotalPublicMemory = MEMORY,
        .ulFreePublicMemory = memory,
        .ulTotalPrivateMemory = MEMORY,
        .ulFreePrivateMemory = memory,
    };
    put_text(info->label, TOKEN_LABEL_SIZE, token->label);
    put_text(info->manufacturerID, NAME_SIZE, "keyd tests");
    put_text(info->model, MODEL_SIZE, "mock");
    put_text(info->serialNumber, TOKEN_SERIAL_SIZE, token->serial);
    if (fault_token(FAULT_ODD_TEXT, token->serial)) {
        put_text(info->manufacturerID, NAME_SIZE, "k\xe4se");
        put_text(info->model, MODEL_SIZE, "m\xfcller");
    }
    put_text(info->utcTime, sizeof info->utcTime, "");
    return CKR_OK;
}

CK_ULONG token_sessions_max(const struct token *token)
{
    unsigned long values[2 * RULES_MAX];
    size_t count = fault_token_values(FAULT_MAX_SESSIONS, token->serial, values);
    return count > 0 ? values[count - 1] : CK_UNAVAILABLE_INFORMATION;
}

/* ---- The PIN -----------------------------------------------------------------------------------
 */

CK_RV token_try_pin(struct token *token, const unsigned char *pin, CK_ULONG length, bool *counted)
{
    bool by_path = fault_token(FAULT_PROTECTED_PATH, token->serial);
    unsigned before = token->wrong_pins;
    *counted = false;
    if ((pin == NULL) != by_path)
        return CKR_ARGUMENTS_BAD;
    if (token->wrong_pins >= pin_tries)
        return CKR_PIN_LOCKED;
    if (!by_path && (length < TOKEN_PIN_MIN || length > TOKEN_PIN_MAX))
        return CKR_PIN_LEN_RANGE;
    bool right = by_path || (length == strlen(right_pin) && memcmp(pin, right_pin, length) == 0);
    token->wrong_pins = right ? 0 : before + 1;
    *counted = token->wrong_pins != before;
    return right ? CKR_OK : CKR_PIN_INCORRECT;
}
