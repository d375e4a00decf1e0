/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/dnssec/lab.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dns/zonefile.h"
#include "client/dns/zoneprint.h"
#include "keyd/base/file.h"

static char folder[] = "/tmp/keyd-dnssec-test.XXXXXX";

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "lab: %s: %s\n", what, detail);
    abort();
}

int lab_open(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int lab_close(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *lab_path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *lab_file(const char *name, const char *text)
{
    const char *path = lab_path(name);
    if (file_replace(path, text, strlen(text), 0600, NULL) != KEYD_OK)
        die(path, "cannot be written");
    return path;
}

const char *lab_plain(const char *message)
{
    static char plain[KEYD_MESSAGE_MAX];
    char *to = plain;
    for (size_t length = strlen(folder) + 1; *message != '\0';) {
        if (strncmp(message, folder, length - 1) == 0 && message[length - 1] == '/')
            message += length;
        else
            *to++ = *message++;
    }
    *to = '\0';
    return plain;
}

struct dname lab_name(const char *text)
{
    struct dname name;
    const char *why = dname_parse(text, strlen(text), NULL, &name);
    if (why != NULL)
        die(text, why);
    return name;
}

struct zone *lab_zone(const char *apex, const char *text)
{
    struct keyd_error err = {.message = ""};
    struct dname name = lab_name(apex);
    struct zone *zone = NULL;
    if (zonefile_load(lab_file("lab.zone", text), name.wire, &zone, &err) != KEYD_OK)
        die(apex, err.message);
    return zone;
}

char *lab_text(const struct zone *zone)
{
    struct bytes text = {0};
    struct owner_text owner;
    for (struct zone_name name = {0}; zone_next_name(zone, &name);) {
        owner_text(name.owner.wire, &owner);
        for (struct rrset set = {0}; zone_next_set(&name, &set);)
            print_set(&text, &owner, &set);
    }
    bytes_u8(&text, '\0');
    if (text.failed)
        die("a zone's text", "no memory");
    return (char *)text.data;
}
