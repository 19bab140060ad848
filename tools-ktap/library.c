// SPDX-License-Identifier: GPL-2.0
/*
 * library: the paths of programs and libraries that are given by their names.
 *
 * A program is what the shell would find. For a library, what this very program
 * has loaded is asked first, then the loader's cache, then directories: those
 * where our own libraries are, and the usual ones.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"
#include "library.h"
#include "util.h"

/* A library for programs like this one? There are text files with such names, too. */
static char *try_library(const char *path)
{
	char why[256];
	struct elf_file *f = elf_open(path, why, sizeof(why));
	char *found;

	found = f && elf_is_native(f) ? xstrdup(path) : NULL;
	elf_close(f);
	return found;
}

static char *try_pattern(const char *dir, const char *pattern)
{
	char path[4096], *found = NULL;
	glob_t g;
	size_t i;

	if (snprintf(path, sizeof(path), "%s/%s", dir, pattern) >= (int)sizeof(path) ||
	    glob(path, 0, NULL, &g))
		return NULL;
	for (i = 0; !found && i < g.gl_pathc; i++)
		found = try_library(g.gl_pathv[i]);
	globfree(&g);
	return found;
}

/**
 * struct own - what the loader has loaded for this program
 * @pattern: the name that is looked for
 * @in_dirs: look beside what is loaded
 * @found: the path
 */
struct own {
	const char *pattern;
	bool in_dirs;
	char *found;
};

static int look_at_own(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *base = strrchr(info->dlpi_name, '/');
	struct own *own = data;
	char dir[4096];

	(void)size;
	if (!base)
		return 0;
	if (own->in_dirs) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(base - info->dlpi_name),
			 info->dlpi_name);
		own->found = try_pattern(dir, own->pattern);
	} else if (!fnmatch(own->pattern, base + 1, FNM_NOESCAPE)) {
		own->found = try_library(info->dlpi_name);
	}
	return !!own->found;
}

/* /etc/ld.so.cache: a header, entries, and strings */
#define CACHE_MAGIC	"glibc-ld.so.cache1.1"

struct cache_header {
	char magic[20];
	__u32 nr;
	__u32 strings;
	__u32 unused[5];
};

struct cache_entry {
	__u32 flags;
	__u32 name;		/* from the begin of the header, as the next */
	__u32 path;
	__u32 version;
	__u64 hwcap;
};

static char *look_in_cache(const char *pattern)
{
	const struct cache_header *h;
	struct cache_entry e;
	char *found = NULL;
	struct buf b = {};
	char part[16384];
	ssize_t n;
	__u32 i;
	int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(&b, part, n);
	close(fd);
	buf_addc(&b, 0);
	h = (struct cache_header *)b.data;
	if (b.len > sizeof(*h) && !memcmp(h->magic, CACHE_MAGIC, sizeof(h->magic)))
		for (i = 0; !found && i < h->nr && i < (b.len - sizeof(*h)) / sizeof(e); i++) {
			memcpy(&e, b.data + sizeof(*h) + i * sizeof(e), sizeof(e));
			if (e.name < b.len && e.path < b.len &&
			    !fnmatch(pattern, b.data + e.name, FNM_NOESCAPE))
				found = try_library(b.data + e.path);
		}
	buf_free(&b);
	return found;
}

static char *find_library(const char *pattern)
{
	static const char *const dirs[] = {
		"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
	};
	struct own own = { .pattern = pattern };
	size_t i;

	dl_iterate_phdr(look_at_own, &own);
	if (!own.found)
		own.found = look_in_cache(pattern);
	own.in_dirs = true;
	if (!own.found)
		dl_iterate_phdr(look_at_own, &own);
	for (i = 0; !own.found && i < ARRAY_SIZE(dirs); i++)
		own.found = try_pattern(dirs[i], pattern);
	return own.found;
}

static char *find_program(const char *name)
{
	const char *dirs = getenv("PATH");
	char path[4096];
	struct stat st;
	size_t n;

	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	for (; *dirs; dirs += n + (dirs[n] == ':')) {
		n = strcspn(dirs, ":");
		if (snprintf(path, sizeof(path), "%.*s/%s", n ? (int)n : 1, n ? dirs : ".",
			     name) < (int)sizeof(path) &&
		    !access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
			return xstrdup(path);
	}
	return NULL;
}

/* A pattern has to mean one file, by whatever names */
static char *one_file(const char *pattern, char *err, size_t size)
{
	struct stat first, st;
	char *found = NULL;
	glob_t g;
	size_t i;

	if (glob(pattern, 0, NULL, &g)) {
		snprintf(err, size, "no file matches %s", pattern);
		return NULL;
	}
	for (i = 0; i < g.gl_pathc; i++) {
		if (stat(g.gl_pathv[i], &st))
			continue;
		if (!found) {
			found = xstrdup(g.gl_pathv[i]);
			first = st;
		} else if (st.st_ino != first.st_ino || st.st_dev != first.st_dev) {
			snprintf(err, size, "%s matches %zu files, and an event is of one; name the others in a list",
				 pattern, g.gl_pathc);
			free(found);
			found = NULL;
			break;
		}
	}
	if (i == g.gl_pathc && !found)
		snprintf(err, size, "no file matches %s", pattern);
	globfree(&g);
	return found;
}

char *library_path(const char *file, char *err, size_t size)
{
	char pattern[300], *found;

	if (strchr(file, '/'))
		return file[strcspn(file, "*?[")] ? one_file(file, err, size) : xstrdup(file);
	if (strlen(file) > 255 || file[strcspn(file, "*?[")]) {
		snprintf(err, size, "\"%s\" is no name of a program or a library", file);
		return NULL;
	}
	if (strstr(file, ".so")) {
		found = find_library(file);
		if (found)
			return found;
		snprintf(pattern, sizeof(pattern), "%s.*", file);
		found = find_library(pattern);
		if (!found)
			snprintf(err, size, "the loader would not find a library \"%s\"; give its path",
				 file);
		return found;
	}
	found = find_program(file);
	if (!found) {
		snprintf(pattern, sizeof(pattern), "%s.so*", file);
		found = find_library(pattern);
	}
	if (!found) {
		snprintf(pattern, sizeof(pattern), "lib%s.so*", file);
		found = find_library(pattern);
	}
	if (!found)
		snprintf(err, size, "there is no program \"%s\" in PATH, nor a library of that name; give its path",
			 file);
	return found;
}
