/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/dns/sigtime.h"

/* Digits of which each is known to be one. */
static unsigned digits_at(const char *text, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    return value;
}

/* Days from 1970-01-01 on, for years from 1970 to 9999; false when there is no such date. Years are
 * counted from March on, so that the leap day is the last one. */
static bool days_of(unsigned year, unsigned month, unsigned day, int64_t *days)
{
    static const uint8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    unsigned from_march = (month + 9) % 12;
    year -= month <= 2 ? 1 : 0;
    *days = (int64_t)365 * year + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 +
            day - 1 - 719468;
    return true;
}

bool sigtime_parse(struct fields *fields)
{
    static const char expected[] = "a time as YYYYMMDDHHMMSS";
    int64_t days;
    const struct token *token = fields_token(fields, expected);
    if (token == NULL)
        return false;
    if (token->length != 14)
        return fields_u32(fields);
    const char *text = token->text;
    for (size_t i = 0; i < 14; i++) {
        if (text[i] < '0' || text[i] > '9')
            return fields_wrong(fields, "expected %s", expected);
    }
    unsigned hour = digits_at(text + 8, 2);
    unsigned minute = digits_at(text + 10, 2);
    unsigned second = digits_at(text + 12, 2);
    if (!days_of(digits_at(text, 4), digits_at(text + 4, 2), digits_at(text + 6, 2), &days) ||
        hour > 23 || minute > 59 || second > 59)
        return fields_wrong(fields, "there is no such time");
    fields->next++;
    return fields_put_u32(fields, (uint32_t)(days * 86400 + hour * 3600 + minute * 60 + second));
}

static void add_two(struct bytes *text, unsigned value)
{
    bytes_u8(text, '0' + value / 10);
    bytes_u8(text, '0' + value % 10);
}

/* The date is counted in years that begin in March, so that the leap day is last. */
void sigtime_format(struct cursor *wire, struct bytes *text)
{
    uint32_t seconds = cursor_u32(wire);
    uint32_t days = seconds / 86400 + 719468; /* since the first of March of the year 0 */
    uint32_t era = days / 146097;             /* of 400 years */
    uint32_t day_of_era = days % 146097;
    uint32_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day = day_of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * day + 2) / 153; /* 0: March */
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    bytes_decimal(text, era * 400 + year + (month <= 2 ? 1 : 0));
    add_two(text, month);
    add_two(text, day + 1);
    add_two(text, seconds / 3600 % 24);
    add_two(text, seconds / 60 % 60);
    add_two(text, seconds % 60);
}
