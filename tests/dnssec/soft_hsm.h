/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An HSM for tests: each key a PEM file FOLDER/NAME.pem, "alias/NAME" its alias. What should go
 * wrong is told by files too, so that script tests can do it: FOLDER/fail-create, fail-sign,
 * bad-signature, short-signature exist or not. FOLDER is $KEYD_SOFT_HSM; without the variable it is
 * "not running". FOLDER/calls has a line for each call.
 */
#ifndef TESTS_DNSSEC_SOFT_HSM_H
#define TESTS_DNSSEC_SOFT_HSM_H

#include "client/dnssec/hsm.h"

extern const struct hsm_backend soft_hsm;

#endif
