/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words of a zone file (RFC 1035, 5.1): comments, parentheses, quotes and line ends, but
 * nothing of what the words mean. Works on bytes in memory, one entry (a record or a directive) at
 * a time; what is cut off at the end of those bytes is asked for again once there are more. Opens
 * nothing, blocks never; one thread.
 *
 * What one of BIND, Knot and NSD reads and none of the others reads as something else is read.
 * Where the RFC is silent, or servers agree on something else: parentheses nest (BIND); a quote
 * ends the word before it, and a word may follow a quote (BIND, NSD). Refused are a line end inside
 * of quotes, a NUL outside of comments, and a carriage return that ends no line.
 */
#ifndef DNS_LEXER_H
#define DNS_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "client/dns/rdata.h"

enum lexer_result {
    LEXER_ENTRY,
    LEXER_END,
    LEXER_MORE, /* the text breaks off: call again with more behind `at` */
    LEXER_WRONG,
    LEXER_NO_MEMORY,
};

#define LEXER_PADDING                                                                              \
    16 /* bytes from the text's end on that are there to be read, the first a NUL */

/* All zero but for at, end, last and line to begin with. */
struct lexer {
    const char *at;  /* where the next entry begins: the caller keeps all from here on */
    const char *end; /* a NUL that does not belong to the text, and LEXER_PADDING bytes with it */
    bool last;       /* nothing comes behind end */
    unsigned line;   /* of `at`, from 1 */

    /* The entry that was read. */
    struct token *tokens; /* *owned*: lexer_free; they point into the text */
    size_t count;         /* 1 or more */
    const char *start;    /* where its first line begins */
    unsigned start_line;  /* the line of `start` */
    unsigned first_line;  /* the line of its first token */
    bool blank_owner;     /* began with white space: it belongs to the last owner */

    const char *wrong_at; /* after LEXER_WRONG: where, */
    const char *why;      /* and what is wrong there (static) */

    size_t room;    /* tokens there is memory for */
    unsigned lines; /* line ends in the entry so far */
    enum lexer_result stopped;
};

enum lexer_result lexer_next(struct lexer *lexer);

void lexer_free(struct lexer *lexer); /* the tokens; takes one that is all zero */

#endif
