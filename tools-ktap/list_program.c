// SPDX-License-Identifier: GPL-2.0
/*
 * list_program: -l of what there is to trace in a program or a library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list_program.h"
#include "run.h"
#include "sdt_args.h"
#include "targets.h"
#include "util.h"

struct place {
	const struct ktap_target_set *set;
	const struct ktap_target *target;
};

static const char *place_string(const struct place *p, __u32 off)
{
	return off ? targets_string(p->set, off) : "";
}

static int by_name(const void *a, const void *b)
{
	const struct place *l = a, *r = b;
	int ret;

	ret = strcmp(place_string(l, l->target->provider), place_string(r, r->target->provider));
	if (!ret)
		ret = strcmp(place_string(l, l->target->name), place_string(r, r->target->name));
	if (!ret)
		ret = l->target->offset < r->target->offset ? -1 :
		      l->target->offset > r->target->offset;
	return ret;
}

static void show_place(const struct place *p)
{
	const struct ktap_target *t = p->target;
	struct ktap_target_arg arg;
	char buf[80];
	__u32 i;

	printf("    at 0x%llx", (unsigned long long)t->offset);
	if (t->ref_ctr)
		printf(", semaphore at 0x%llx", (unsigned long long)t->ref_ctr);
	putchar('\n');
	for (i = 0; i < t->nargs; i++) {
		memcpy(&arg, targets_string(p->set, t->args + i * sizeof(arg)), sizeof(arg));
		sdt_arg_text(&arg, buf, sizeof(buf));
		printf("    arg%u  %s\n", i + 1, buf);
	}
}

static int list_item(const char *item, bool places)
{
	const struct ktap_target_set *set;
	struct targets t = { .all = true };
	struct place *p;
	const char *rest;
	unsigned int i;
	int prefix;

	targets_add(&t, item, strlen(item));
	set = (const struct ktap_target_set *)t.sets.data;
	if (t.nr != 1 || set->error) {
		fprintf(stderr, "ktap: error: %s\n", t.nr == 1 ?
			targets_string(set, set->error) : "-l takes one event of a program");
		targets_free(&t);
		return STATUS_ERROR;
	}
	/* kind and file as they were given */
	rest = strrchr(item, '/');
	rest = strchr(rest ? rest : strchr(item, ':') + 1, ':');
	prefix = rest - item;
	p = xmalloc(set->nr * sizeof(*p));
	for (i = 0; i < set->nr; i++)
		p[i] = (struct place){ set, &set->target[i] };
	qsort(p, set->nr, sizeof(*p), by_name);
	for (i = 0; i < set->nr; i++) {
		const char *provider = place_string(&p[i], p[i].target->provider);

		if (!places && i && p[i].target->provider == p[i - 1].target->provider &&
		    !strcmp(place_string(&p[i], p[i].target->name),
			    place_string(&p[i - 1], p[i - 1].target->name)))
			continue;
		printf("%.*s:%s%s%s\n", prefix, item, provider, *provider ? ":" : "",
		       place_string(&p[i], p[i].target->name));
		if (places)
			show_place(&p[i]);
	}
	if (set->note)
		fprintf(stderr, "ktap: left out: %s\n", targets_string(set, set->note));
	free(p);
	targets_free(&t);
	return STATUS_OK;
}

/* -lf and -lm of a FILE or FILE:GLOB */
static int list_in_file(const char *kind, const char *file, bool places)
{
	const char *base = strrchr(file, '/');
	struct buf b = {};
	int ret;

	buf_add(&b, kind, strlen(kind));
	buf_add(&b, file, strlen(file));
	if (!strchr(base ? base : file, ':'))
		buf_add(&b, ":*", 2);
	buf_addc(&b, 0);
	ret = list_item(b.data, places);
	buf_free(&b);
	return ret;
}

int list_program(const char *what, const char *glob)
{
	bool places = strchr(what, 'v');
	bool file = strchr(glob, '/') || strstr(glob, ".so");

	if (targets_is_one(glob))
		return list_item(glob, places);
	if (file && strchr(what, 'f'))
		return list_in_file("probe:", glob, places);
	if (file && strchr(what, 'm'))
		return list_in_file("sdt:", glob, places);
	if (!strchr(glob, '/'))
		return -1;
	fprintf(stderr, "ktap: error: '%s' is a file: -lf lists its functions, -lm its SDT probes\n",
		glob);
	return STATUS_ERROR;
}
