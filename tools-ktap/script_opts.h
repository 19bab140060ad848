/* SPDX-License-Identifier: GPL-2.0 */
/*
 * script_opts: the options of a script, --NAME=VALUE after its name.
 *
 * A script declares one with option(name, default, help) in its main chunk. They
 * are found in the image, so that a compiled script has them as well.
 */
#ifndef _KTAP_SCRIPT_OPTS_H
#define _KTAP_SCRIPT_OPTS_H

#include "image.h"

enum script_opt_type {
	SCRIPT_OPT_ANY,			/* default nil */
	SCRIPT_OPT_BOOL,
	SCRIPT_OPT_INT,
	SCRIPT_OPT_STR,
};

struct script_opt {
	struct image_text name;
	struct image_text help;
	enum script_opt_type type;
	__s64 i;			/* the default */
	struct image_text s;
};

struct script_opts {
	struct script_opt *opts;
	size_t n;
	bool args;			/* the script looks at arg[] */
};

void script_opts_find(const struct image_reader *r, struct script_opts *so);
void script_opts_free(struct script_opts *so);
void script_opts_help(FILE *f, const struct script_opts *so, const char *script);

enum script_opts_result {
	SCRIPT_OPTS_OK,
	SCRIPT_OPTS_HELP,		/* --help is among them */
	SCRIPT_OPTS_ERROR,		/* @err says why */
};

/*
 * Takes the options out of @args, of which there are *@n, and puts what the
 * kernel wants into @values. A script without options gets them as arguments.
 */
enum script_opts_result script_opts_parse(const struct script_opts *so, const char *script,
					  char **args, int *n, struct buf *values,
					  char *err, size_t err_size);

#endif /* _KTAP_SCRIPT_OPTS_H */
