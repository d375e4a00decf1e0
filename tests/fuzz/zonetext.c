/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zone text: whatever it is, it is read or refused in one line; what is read is well formed, and
 * reads back the same from what is printed. And its words are the same wherever the text is cut. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/dns/lexer.h"
#include "client/dns/rdata.h"
#include "client/dns/rrtype.h"
#include "client/dns/zonefile.h"
#include "tests/fuzz/fuzz.h"

#define RECORDS_MAX 3000 /* of one text: $GENERATE can make many */

static void must(bool good)
{
    if (!good)
        abort();
}

static void reads_back(const struct zone_record *record, const char *text, size_t length)
{
    static uint8_t again[RDATA_MAX];
    char why[RDATA_WHY_MAX];
    size_t used;
    size_t culprit;
    char *padded = calloc(1, length + LEXER_PADDING);
    must(padded != NULL);
    memcpy(padded, text, length);
    struct lexer lexer = {.at = padded, .end = padded + length, .last = true, .line = 1};
    must(lexer_next(&lexer) == LEXER_ENTRY || (length == 0 && record->length == 0));
    must(rdata_parse(record->type, lexer.tokens, lexer.count, NULL, again, &used, &culprit, why));
    must(used == record->length && memcmp(again, record->rdata, used) == 0);
    must(lexer_next(&lexer) == LEXER_END);
    lexer_free(&lexer);
    free(padded);
}

static enum keyd_status judge(void *context, const struct zone_record *record,
                              struct keyd_error *err)
{
    char owner[DNAME_TEXT];
    char type[TYPE_TEXT];
    struct dname again;
    uint16_t number;
    struct bytes text = {0};
    must(record->ttl <= INT32_MAX && record->length <= RDATA_MAX);
    must(rdata_check(record->type, record->rdata, record->length));
    dname_format(record->owner, owner);
    must(dname_parse(owner, strlen(owner), NULL, &again) == NULL);
    must(memcmp(again.wire, record->owner, dname_length(record->owner)) == 0);
    rrtype_format(record->type, type);
    must(rrtype_parse(type, strlen(type), &number) && number == record->type);
    rdata_format(record->type, record->rdata, record->length, &text);
    must(!text.failed && text.data != NULL && memchr(text.data, '\n', text.length) == NULL);
    reads_back(record, (const char *)text.data, text.length);
    bytes_free(&text);
    if (++*(size_t *)context < RECORDS_MAX)
        return KEYD_OK;
    return keyd_fail(err, KEYD_CANCELLED, "ENOUGH", "enough");
}

/* Other files are none of this test's business, and some of them never end. */
static bool names_a_folder(const uint8_t *data, size_t size)
{
    return memchr(data, '/', size) != NULL && memmem(data, size, "$", 1) != NULL;
}

static void as_a_zone(const uint8_t *data, size_t size)
{
    static const uint8_t apex[] = "\7example\3org";
    struct keyd_error err = {.message = ""};
    size_t records = 0;
    int fd = memfd_create("zone", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    const struct zonefile_options options = {.default_ttl = data[0] % 2 ? 60 : ZONEFILE_NO_TTL,
                                             .drop_outside = data[0] % 3 == 0,
                                             .from_fd = true,
                                             .fd = fd};
    if (zonefile_read_with("F", apex, &options, judge, &records, &err) != KEYD_OK) {
        must(err.message[0] != '\0');
        for (const char *c = err.message; *c != '\0'; c++)
            must((uint8_t)*c >= ' ' && *c != 0x7f);
    }
    close(fd);
}

/* Reads one entry from a text that breaks off at `cut`, then, where more is asked for, the whole.
 */
static enum lexer_result next_of_cut(struct lexer *lexer, char *text, size_t size, size_t cut)
{
    char kept = text[cut];
    text[cut] = '\0';
    lexer->end = text + cut;
    lexer->last = cut == size;
    enum lexer_result result = lexer_next(lexer);
    text[cut] = kept;
    if (result != LEXER_MORE)
        return result;
    lexer->end = text + size;
    lexer->last = true;
    return lexer_next(lexer);
}

static void in_pieces(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + LEXER_PADDING);
    must(text != NULL);
    memcpy(text, data, size);
    struct lexer whole = {.at = text, .end = text + size, .last = true, .line = 1};
    struct lexer cut = {.at = text, .line = 1};
    for (size_t n = 0;; n++) {
        size_t from = (size_t)(cut.at - text);
        size_t at = from + (size - from) * ((data[n % size] & 15U) + 1) / 16;
        enum lexer_result result = lexer_next(&whole);
        enum lexer_result other = next_of_cut(&cut, text, size, at);
        if (result != LEXER_ENTRY && at < size && other == LEXER_ENTRY)
            abort();
        must(result == other && whole.line == cut.line && whole.count == cut.count);
        if (result != LEXER_ENTRY)
            break;
        must(whole.at == cut.at && whole.first_line == cut.first_line &&
             whole.blank_owner == cut.blank_owner);
        for (size_t i = 0; i < whole.count; i++)
            must(whole.tokens[i].text == cut.tokens[i].text &&
                 whole.tokens[i].length == cut.tokens[i].length &&
                 whole.tokens[i].quoted == cut.tokens[i].quoted &&
                 whole.tokens[i].glued == cut.tokens[i].glued);
    }
    lexer_free(&whole);
    lexer_free(&cut);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || names_a_folder(data, size))
        return 0;
    as_a_zone(data, size);
    in_pieces(data, size);
    return 0;
}
