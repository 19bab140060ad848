// SPDX-License-Identifier: GPL-2.0
/*
 * run-lang: runs language tests, compares with what they expect, prints TAP.
 *
 * Usage: run-lang KTAP-HOST FILE.kp...
 *
 * Each test is run twice, with two seeds of the hashes: what a script puts out
 * must not depend on where its keys happen to be.
 *
 * lang/README says what is in a test.  A line of the call stack below an error,
 * which begins with a tab, is compared if the test expects it, and passed over
 * otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LINES	4096
#define TIMEOUT		60
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct lines {
	char *line[MAX_LINES];
	unsigned int n;
};

struct expect {
	struct lines out, err;
	char *status;
	char *args;
	char *does;
};

static void add(struct lines *l, char *s)
{
	if (l->n < MAX_LINES)
		l->line[l->n++] = s;
}

static char *slurp(const char *name, size_t *len)
{
	FILE *f = fopen(name, "r");
	char *buf = NULL;
	size_t size = 0;

	if (!f)
		return NULL;
	*len = 0;
	do {
		size += 65536;
		buf = realloc(buf, size + 1);
		if (!buf)
			exit(2);
		*len += fread(buf + *len, 1, size - *len, f);
	} while (*len == size);
	fclose(f);
	buf[*len] = '\0';
	return buf;
}

static void split(char *text, struct lines *l)
{
	char *end;

	while (*text) {
		end = strchr(text, '\n');
		add(l, text);
		if (!end)
			break;
		*end = '\0';
		text = end + 1;
	}
}

/* What comes after "#: WORD ", or NULL */
static char *after(char *line, const char *word)
{
	size_t n = strlen(word);

	line += strspn(line, " \t");
	if (strncmp(line, "#: ", 3) || strncmp(line + 3, word, n))
		return NULL;
	line += 3 + n;
	if (!*line)
		return line;
	return *line == ' ' ? line + 1 : NULL;
}

static char *expectations(const char *name, struct expect *e)
{
	struct lines l = { .n = 0 };
	unsigned int i;
	char *text, *s;
	size_t len;

	text = slurp(name, &len);
	if (!text)
		return NULL;
	split(text, &l);
	for (i = 0; i < l.n; i++) {
		size_t end = strlen(l.line[i]);

		/* scripts may have DOS lines; what they print has none */
		if (end && l.line[i][end - 1] == '\r')
			l.line[i][end - 1] = '\0';
		s = after(l.line[i], "out");
		if (s)
			add(&e->out, s);
		s = after(l.line[i], "err");
		if (s)
			add(&e->err, s);
		s = after(l.line[i], "status");
		if (s)
			e->status = s;
		s = after(l.line[i], "args");
		if (s)
			e->args = s;
	}
	e->does = l.n && l.line[0][0] == '#' ? l.line[0] + 1 + strspn(l.line[0] + 1, " ") : "";
	return text;
}

static int run(const char *host, const char *name, const char *seed, const char *args,
	       const char *out, const char *err)
{
	char *argv[64] = { (char *)host, "-s", (char *)seed, (char *)name }, *copy, *save;
	unsigned int n = 4;
	int status;
	pid_t pid;

	copy = strdup(args ?: "");
	if (!copy)
		exit(2);
	for (args = strtok_r(copy, " ", &save); args && n < 63; args = strtok_r(NULL, " ", &save))
		argv[n++] = (char *)args;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		int o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		int e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		alarm(TIMEOUT);
		if (o < 0 || e < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0)
			_exit(126);
		execv(host, argv);
		_exit(127);
	}
	free(copy);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The first difference, or NULL */
static char *compare(const struct lines *want, const struct lines *got, bool glob,
		     const char *what)
{
	unsigned int w = 0, g = 0;
	char *text = NULL;

	for (; g < got->n; g++) {
		if (w < want->n && (glob ? !fnmatch(want->line[w], got->line[g], FNM_NOESCAPE) :
				    !strcmp(want->line[w], got->line[g]))) {
			w++;
			continue;
		}
		if (glob && got->line[g][0] == '\t')
			continue;
		if (asprintf(&text, "%s line %u: '%s', expected '%s'", what, g + 1, got->line[g],
			     w < want->n ? want->line[w] : "(nothing)") < 0)
			exit(2);
		return text;
	}
	if (w < want->n && asprintf(&text, "%s ends, expected '%s'", what, want->line[w]) < 0)
		exit(2);
	return text;
}

static char *check_run(const char *host, const char *name, const struct expect *e,
		       const char *seed, const char *tmp)
{
	static struct lines out, err;
	char of[128], ef[128], *o, *x, *diff = NULL;
	size_t olen, elen;
	int status;

	out.n = 0;
	err.n = 0;
	snprintf(of, sizeof(of), "%s/out", tmp);
	snprintf(ef, sizeof(ef), "%s/err", tmp);
	status = run(host, name, seed, e->args, of, ef);
	o = slurp(of, &olen);
	x = slurp(ef, &elen);
	if (!o || !x)
		return strdup("cannot be run");
	split(o, &out);
	split(x, &err);
	/* a test that expects any failure does not mean a crash */
	if (status >= 124 && status < 255)
		diff = strdup("crashed or took too long");
	else if (e->status && *e->status == '*' ? !status :
		 status != (e->status ? atoi(e->status) : 0))
		if (asprintf(&diff, "status %d, expected %s; first error line '%s'", status,
			     e->status ?: "0", err.n ? err.line[0] : "") < 0)
			exit(2);
	if (!diff)
		diff = compare(&e->out, &out, false, "stdout");
	if (!diff)
		diff = compare(&e->err, &err, true, "stderr");
	free(o);
	free(x);
	return diff;
}

static char *check(const char *host, const char *name, char **does, const char *tmp)
{
	static const char * const seeds[] = { "0x6b746170", "20130521" };
	static struct expect e;
	char *text, *diff = NULL, *why;
	unsigned int i;

	memset(&e, 0, sizeof(e));
	text = expectations(name, &e);
	if (!text)
		return strdup("cannot be read");
	*does = strdup(e.does);
	for (i = 0; i < ARRAY_SIZE(seeds) && !diff; i++)
		diff = check_run(host, name, &e, seeds[i], tmp);
	if (diff && i > 1) {
		if (asprintf(&why, "with hash seed %s: %s", seeds[i - 1], diff) < 0)
			exit(2);
		free(diff);
		diff = why;
	}
	free(text);
	return diff;
}

int main(int argc, char **argv)
{
	char tmp[120], path[128];
	int i, failed = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: run-lang KTAP-HOST FILE.kp...\n");
		return 2;
	}
	if (snprintf(tmp, sizeof(tmp), "%s/ktap-lang-XXXXXX",
		     getenv("TMPDIR") ?: P_tmpdir) >= (int)sizeof(tmp)) {
		fprintf(stderr, "run-lang: TMPDIR is too long\n");
		return 2;
	}
	if (!mkdtemp(tmp)) {
		perror(tmp);
		return 2;
	}
	printf("TAP version 13\n1..%d\n", argc - 2);
	for (i = 2; i < argc; i++) {
		char *does = NULL, *diff = check(argv[1], argv[i], &does, tmp);

		printf("%sok %d %s: %s\n", diff ? "not " : "", i - 1, argv[i], does ?: "");
		if (diff)
			printf("# %s\n", diff);
		failed += !!diff;
		free(diff);
		free(does);
	}
	printf("# lang: %d passed, %d failed\n", argc - 2 - failed, failed);
	snprintf(path, sizeof(path), "%s/out", tmp);
	unlink(path);
	snprintf(path, sizeof(path), "%s/err", tmp);
	unlink(path);
	rmdir(tmp);
	return !!failed;
}
