// SPDX-License-Identifier: GPL-2.0
/*
 * loss: the words for what could not be recorded, see KTAP_LOSSES.
 */
#include "../../include/uapi/linux/ktap.h"
#include "loss.h"

static const struct {
	const char *reason;
	const char *one;
	const char *many;
	const char *fate;
} losses[KTAP_LOSS_NR + 1] = {
#define LOSS_WORDS(id, one, many, fate)	\
	[KTAP_LOSS_##id] = { #id, one, many, fate },
	KTAP_LOSSES(LOSS_WORDS)
#undef LOSS_WORDS
	[KTAP_LOSS_NR] = { "UNKNOWN", "loss", "losses", "of a kind unknown to this ktap" },
};

static unsigned int known(unsigned int loss)
{
	return loss < KTAP_LOSS_NR ? loss : KTAP_LOSS_NR;
}

const char *loss_reason(unsigned int loss)
{
	return losses[known(loss)].reason;
}

const char *loss_what(unsigned int loss, __u64 n)
{
	return n == 1 ? losses[known(loss)].one : losses[known(loss)].many;
}

const char *loss_fate(unsigned int loss)
{
	return losses[known(loss)].fate;
}
