// SPDX-License-Identifier: GPL-2.0
/*
 * usym: addresses in processes as text.
 *
 * Processes are known by their number and by what struct ktap_rec_user calls the
 * program, so that one that has got the number of another, or has executed another
 * program, is not taken for it. Files are known by device and inode: what many
 * processes have mapped is read once. A file is opened when it is first seen, by
 * means of /proc, so that it is the one that is mapped, whatever has become of
 * its name, in whichever root directory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "elf_file.h"
#include "usym.h"

/* Processes that are remembered, and files that are open before they are needed */
#define MAX_PROCS	4096
#define MAX_OPEN	256
#define NR_LISTS	256

/*
 * Reads of the mappings of a process: one that makes code all the time is read again
 * after so many only if some milliseconds have passed, or an address is not found
 */
#define MAX_READS	16
#define READ_MS		100

struct symbol {
	__u64 offset;
	__u64 size;
	size_t name;		/* offset in names */
};

struct file {
	struct file *next;
	char *path;
	unsigned int major, minor;
	__u64 ino;
	int fd;			/* until its symbols are read, or -1 */
	struct symbol *syms;
	size_t nsyms, cap;
	struct buf names;
};

struct map {
	__u64 start, end, offset;
	struct file *file;	/* NULL: of none */
	char name[16];		/* then: "[vdso]", or empty */
};

struct proc {
	struct proc *next, *next_list;
	__u32 pid;
	__u64 program;
	struct map *maps;
	size_t nmaps;
	unsigned int reads;
	bool stale;		/* there is more to be read */
	__u64 read_ms;		/* when it was read last */
};

struct usym {
	struct proc *lists[NR_LISTS];
	struct proc *oldest, *latest;
	size_t nprocs, nopen;
	struct file *files;
	unsigned long gone;
};

struct usym *usym_new(void)
{
	struct usym *s = xmalloc(sizeof(*s));

	memset(s, 0, sizeof(*s));
	return s;
}

/*
 * Symbols
 */

/* Of several names of a function, the one that people use */
static int by_name(const char *a, const char *b)
{
	size_t m = strspn(a, "_"), n = strspn(b, "_");

	if (m != n)
		return m < n ? -1 : 1;
	m = strlen(a);
	n = strlen(b);
	return m != n ? (m < n ? -1 : 1) : strcmp(a, b);
}

static int by_offset(const void *a, const void *b, void *names)
{
	const struct symbol *x = a, *y = b;
	const struct buf *n = names;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return by_name(n->data + x->name, n->data + y->name);
}

static int add_symbol(void *data, const char *name, __u64 offset, __u64 size)
{
	struct file *f = data;

	if (f->nsyms == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->syms = xrealloc(f->syms, f->cap * sizeof(*f->syms));
	}
	f->syms[f->nsyms++] = (struct symbol){ offset, size, f->names.len };
	buf_add(&f->names, name, strlen(name) + 1);
	return 0;
}

static void read_symbols(struct usym *s, struct file *f)
{
	struct elf_file *elf;
	char path[32], err[8];
	size_t i, n = 0;

	if (f->fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	elf = elf_open(path, err, sizeof(err));
	if (elf) {
		elf_functions(elf, add_symbol, f);
		elf_ifuncs(elf, add_symbol, f);
		elf_close(elf);
	}
	close(f->fd);
	f->fd = -1;
	s->nopen--;
	if (!f->nsyms)
		return;
	qsort_r(f->syms, f->nsyms, sizeof(*f->syms), by_offset, &f->names);
	for (i = 1; i < f->nsyms; i++)
		if (f->syms[i].offset != f->syms[n].offset)
			f->syms[++n] = f->syms[i];
	f->nsyms = n + 1;
}

/* The function that an offset is in, or NULL */
static const struct symbol *find_symbol(struct usym *s, struct file *f, __u64 offset)
{
	size_t lo = 0, hi, mid;
	const struct symbol *sym;

	read_symbols(s, f);
	hi = f->nsyms;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (f->syms[mid].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	sym = &f->syms[lo - 1];
	/* of what is written in assembly, the size may not be known */
	return !sym->size || offset - sym->offset < sym->size ? sym : NULL;
}

/*
 * Mappings
 */

/* The file that is mapped, if it can be had; not a device, which may not like it */
static int open_mapped(__u32 pid, const struct map *m, const struct file *f)
{
	char path[4096 + 64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", pid, m->start, m->end);
	if (stat(path, &st)) {
		/* it takes more privilege than to trace does */
		snprintf(path, sizeof(path), "/proc/%u/root/%s", pid, f->path);
		if (stat(path, &st))
			return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_ino != f->ino)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != f->ino)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static struct file *get_file(struct usym *s, __u32 pid, const struct map *m,
			     const struct file *like)
{
	struct file *f;

	for (f = s->files; f; f = f->next)
		if (f->ino == like->ino && f->major == like->major && f->minor == like->minor &&
		    !strcmp(f->path, like->path))
			return f;
	f = xmalloc(sizeof(*f));
	*f = *like;
	f->path = xstrdup(like->path);
	f->next = s->files;
	s->files = f;
	f->fd = open_mapped(pid, m, f);
	s->nopen += f->fd >= 0;
	if (s->nopen > MAX_OPEN)
		read_symbols(s, f);
	return f;
}

/* What changes when the process executes another program; 0 if it is gone, or is not ours */
static __u64 program_of(__u32 pid)
{
	unsigned long long start, end, stack;
	char path[32], line[1024], *p;
	size_t n;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = 0;
	/* the name, which may have anything in it, is the second field */
	p = strrchr(line, ')');
	for (i = 2; p && i < 26; i++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%llu %llu %llu", &start, &end, &stack) != 3)
		return 0;
	/* without privilege there is 1 in the place of an address */
	return start > 1 ? start + end + stack : 0;
}

static bool parse_map(char *line, struct map *m, struct file *f)
{
	char perms[8], *nl;
	int at = 0;

	memset(m, 0, sizeof(*m));
	memset(f, 0, sizeof(*f));
	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &m->start, &m->end, perms,
		   &m->offset, &f->major, &f->minor, &f->ino, &at) < 7)
		return false;
	if (!at || !strchr(perms, 'x'))
		return false;
	nl = strchr(line + at, '\n');
	if (nl)
		*nl = 0;
	f->path = line + at;
	return true;
}

static void read_maps(struct usym *s, struct proc *p)
{
	struct map *maps = NULL, m;
	size_t n = 0, cap = 0, size = 0;
	char path[32], *line = NULL;
	struct file like;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", p->pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (getline(&line, &size, f) > 0) {
		if (!parse_map(line, &m, &like))
			continue;
		if (*like.path == '/')
			m.file = get_file(s, p->pid, &m, &like);
		else
			snprintf(m.name, sizeof(m.name), "%.15s", like.path);
		if (n == cap) {
			cap = cap ? 2 * cap : 8;
			maps = xrealloc(maps, cap * sizeof(*maps));
		}
		maps[n++] = m;
	}
	free(line);
	fclose(f);
	/* was it this program all the time? */
	if (program_of(p->pid) != p->program) {
		free(maps);
		return;
	}
	free(p->maps);
	p->maps = maps;
	p->nmaps = n;
}

/*
 * Processes
 */

static struct proc **list_of(struct usym *s, __u32 pid)
{
	return &s->lists[pid % NR_LISTS];
}

static struct proc *find_proc(struct usym *s, __u32 pid, __u64 program)
{
	struct proc *p;

	for (p = *list_of(s, pid); p; p = p->next_list)
		if (p->pid == pid && p->program == program)
			return p;
	return NULL;
}

static void drop_oldest(struct usym *s)
{
	struct proc *p = s->oldest, **l;

	for (l = list_of(s, p->pid); *l != p; l = &(*l)->next_list)
		;
	*l = p->next_list;
	s->oldest = p->next;
	if (!s->oldest)
		s->latest = NULL;
	s->nprocs--;
	free(p->maps);
	free(p);
}

static struct proc *get_proc(struct usym *s, __u32 pid, __u64 program)
{
	struct proc *p = find_proc(s, pid, program), **l = list_of(s, pid);

	if (p)
		return p;
	if (s->nprocs == MAX_PROCS)
		drop_oldest(s);
	p = xmalloc(sizeof(*p));
	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->program = program;
	p->next_list = *l;
	*l = p;
	if (s->latest)
		s->latest->next = p;
	else
		s->oldest = p;
	s->latest = p;
	s->nprocs++;
	return p;
}

static __u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* What is known of a process that is gone stays. */
static void refresh(struct usym *s, struct proc *p)
{
	p->stale = false;
	p->reads++;
	read_maps(s, p);
	p->read_ms = now_ms();
}

void usym_see(struct usym *s, __u32 pid, __u64 program)
{
	struct proc *p;

	if (!pid || !program)
		return;
	p = get_proc(s, pid, program);
	p->stale = true;
	if (p->reads < MAX_READS || now_ms() - p->read_ms >= READ_MS)
		refresh(s, p);
}

static const struct map *find_map(const struct proc *p, __u64 ip)
{
	size_t i;

	for (i = 0; i < p->nmaps; i++)
		if (ip >= p->maps[i].start && ip < p->maps[i].end)
			return &p->maps[i];
	return NULL;
}

static void add(struct buf *b, const char *s)
{
	/* a name is anybody's, and a line is one frame */
	for (; *s; s++)
		buf_addc(b, (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void add_hex(struct buf *b, const char *before, __u64 n, const char *after)
{
	char text[32];

	buf_add(b, text, snprintf(text, sizeof(text), "%s0x%llx%s", before, n, after));
}

void usym_text(struct usym *s, struct buf *b, __u32 pid, __u64 program, __u64 ip, bool after)
{
	struct proc *p = find_proc(s, pid, program);
	const struct symbol *sym = NULL;
	const struct map *m;
	__u64 offset;

	if (!p) {
		usym_see(s, pid, program);
		p = find_proc(s, pid, program);
	}
	m = p ? find_map(p, ip - after) : NULL;
	if (!m && p && p->stale) {
		refresh(s, p);
		m = find_map(p, ip - after);
	}
	if (!m) {
		if (!p || !p->nmaps)
			s->gone++;
		add_hex(b, "[", ip, "]");
		return;
	}
	offset = ip - m->start + m->offset;
	if (m->file)
		sym = find_symbol(s, m->file, offset - after);
	if (sym) {
		add(b, m->file->names.data + sym->name);
		add_hex(b, "+", offset - sym->offset, " (");
	} else {
		/* where there is no file and no name, code was made while it ran */
		add_hex(b, "", m->file || *m->name ? offset : ip, " (");
	}
	add(b, m->file ? m->file->path : *m->name ? m->name : "[anon]");
	buf_addc(b, ')');
}

unsigned long usym_gone(const struct usym *s)
{
	return s->gone;
}

void usym_free(struct usym *s)
{
	struct file *f;

	if (!s)
		return;
	while (s->oldest)
		drop_oldest(s);
	while ((f = s->files)) {
		s->files = f->next;
		if (f->fd >= 0)
			close(f->fd);
		buf_free(&f->names);
		free(f->syms);
		free(f->path);
		free(f);
	}
	free(s);
}
