/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kinds of field that rdata is made of, one row of one table each. A type's layout (rrtype.h)
 * names them by letters, of which fieldkind.c alone knows what they stand for: whoever walks along
 * a layout asks the row. A new kind is a new row. Any thread.
 */
#ifndef DNS_FIELDKIND_H
#define DNS_FIELDKIND_H

#include <stdbool.h>
#include <stdint.h>

#include "client/dns/bytes.h"
#include "client/dns/fields.h"

/* When the names in a field are put into lower case. */
enum {
    /* In canonical form: the types of RFC 4034, 6.2, as RFC 6840, 5.1 has it. */
    LOWER_CANONICAL = 1,
    LOWER_SERVED = 2, /* before they are signed: rdata_lower */
};

struct field_kind {
    bool (*parse)(struct fields *fields); /* from text: fields.h */

    /* To text; the wire was checked. NULL: a type with such a field has to be rare (rrtype.h). */
    void (*format)(struct cursor *wire, struct bytes *text);

    /* Walks over one field on the wire; the cursor has failed when it is malformed. NULL where a
     * field has a size, in bytes. */
    void (*check)(struct cursor *wire);
    uint8_t size;

    bool optional; /* where nothing of the rdata is left there may be none, and no word of it */
    bool is_name;  /* it is a name and nothing else */

    /* Whether all servers read this field, and read it alike, as `format` has it. NULL: they do. */
    bool (*is_plain)(struct cursor wire);

    /* Puts the name in one field that was checked into lower case, and says whether a byte was
     * changed; `lowered` says when: LOWER_... */
    bool (*lower)(uint8_t *field);
    unsigned lowered;
};

extern const struct field_kind field_kinds[128]; /* by their letters */

static inline const struct field_kind *field_kind(char letter)
{
    return &field_kinds[(uint8_t)letter];
}

/* Walks over one field, or none where that may be. */
static inline void field_check(const struct field_kind *kind, struct cursor *wire)
{
    if (kind->size > 0)
        cursor_take(wire, kind->size);
    else if (!kind->optional || cursor_left(wire) > 0)
        kind->check(wire);
}

#endif
