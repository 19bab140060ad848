// SPDX-License-Identifier: GPL-2.0
/*
 * elf_file: what is in the files of programs and libraries.
 *
 * libelf reads them, and not by means of mmap(): a file that somebody cuts short
 * meanwhile is an error then, and no SIGBUS. A build without libelf looks at the
 * header only.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_LIBELF_SUPPORT
#include <gelf.h>
#endif

#include "elf_file.h"
#include "util.h"

struct elf_file {
	char *path;
	int fd;
	unsigned int machine;
	unsigned int class;
#ifdef HAVE_LIBELF_SUPPORT
	Elf *elf;
	GElf_Phdr *phdrs;
	size_t nphdrs;
	/* where its symbols are if it has no .symtab itself; looked for once */
	Elf *debug;
	int debug_fd;
	bool looked;
#endif
};

/* e_machine, or 0: the byte order is in the header as well */
static unsigned int machine_of(const unsigned char *h)
{
	return h[EI_DATA] == ELFDATA2MSB ? h[18] << 8 | h[19] : h[19] << 8 | h[18];
}

/* The header of this program, or zeros */
static const unsigned char *own_header(void)
{
	static unsigned char h[20];
	int fd;

	if (*h)
		return h;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return h;
	if (read(fd, h, sizeof(h)) != sizeof(h))
		memset(h, 0, sizeof(h));
	close(fd);
	return h;
}

/* Do programs of this machine run here? */
static bool is_ours(unsigned int machine)
{
	unsigned int own = machine_of(own_header());

	/* if it cannot be told, the kernel will know */
	return !own || own == machine ||
	       (own == EM_X86_64 && machine == EM_386) ||
	       (own == EM_386 && machine == EM_X86_64) ||
	       (own == EM_AARCH64 && machine == EM_ARM) ||
	       (own == EM_ARM && machine == EM_AARCH64);
}

/* Why a file is no program, or NULL */
static const char *check_header(const unsigned char *h, ssize_t n)
{
	unsigned int type;

	if (n < 4 || memcmp(h, ELFMAG, SELFMAG))
		return n >= 2 && h[0] == '#' && h[1] == '!' ?
		       "is a script: trace its interpreter, which the first line names" :
		       "is not an ELF file";
	if (n < 20)
		return "is cut short";
	type = h[EI_DATA] == ELFDATA2MSB ? h[16] << 8 | h[17] : h[17] << 8 | h[16];
	if (type != ET_EXEC && type != ET_DYN)
		return type == ET_REL ? "is an object file, neither a program nor a library" :
		       "is neither a program nor a library";
	if (!is_ours(machine_of(h)))
		return "is of another machine than this one";
	return NULL;
}

#ifdef HAVE_LIBELF_SUPPORT
/* Ends what elf_open() has begun of @f; false with a reason if it cannot be read */
static bool open_elf(struct elf_file *f, const char **why)
{
	struct stat st;
	size_t i;

	f->debug_fd = -1;
	*why = "is damaged";
	if (elf_version(EV_CURRENT) == EV_NONE || fstat(f->fd, &st))
		return false;
	f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF ||
	    elf_getphdrnum(f->elf, &f->nphdrs) || !f->nphdrs)
		return false;
	f->phdrs = xmalloc(f->nphdrs * sizeof(*f->phdrs));
	for (i = 0; i < f->nphdrs; i++) {
		GElf_Phdr *p = &f->phdrs[i];

		if (!gelf_getphdr(f->elf, i, p))
			return false;
		if (p->p_type == PT_LOAD && (p->p_offset > (__u64)st.st_size ||
					     p->p_filesz > (__u64)st.st_size - p->p_offset)) {
			*why = "is cut short";
			return false;
		}
	}
	return true;
}

static void close_elf(struct elf_file *f)
{
	elf_end(f->debug);
	if (f->debug_fd >= 0)
		close(f->debug_fd);
	elf_end(f->elf);
	free(f->phdrs);
}
#else
static bool open_elf(struct elf_file *f, const char **why)
{
	(void)f;
	(void)why;
	return true;
}

static void close_elf(struct elf_file *f)
{
	(void)f;
}
#endif

struct elf_file *elf_open(const char *path, char *err, size_t size)
{
	unsigned char h[20];
	struct elf_file *f;
	const char *why;
	struct stat st;
	/* a fifo that nobody writes to has no end */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		snprintf(err, size, "cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(err, size, "%s is %s", path,
			 S_ISDIR(st.st_mode) ? "a directory" : "not a file");
		close(fd);
		return NULL;
	}
	why = check_header(h, pread(fd, h, sizeof(h), 0));
	if (why) {
		snprintf(err, size, "%s %s", path, why);
		close(fd);
		return NULL;
	}
	f = xmalloc(sizeof(*f));
	memset(f, 0, sizeof(*f));
	f->path = xstrdup(path);
	f->fd = fd;
	f->machine = machine_of(h);
	f->class = h[EI_CLASS];
	if (open_elf(f, &why))
		return f;
	snprintf(err, size, "%s %s", path, why);
	elf_close(f);
	return NULL;
}

void elf_close(struct elf_file *f)
{
	if (!f)
		return;
	close_elf(f);
	close(f->fd);
	free(f->path);
	free(f);
}

int elf_fd(const struct elf_file *f)
{
	return f->fd;
}

unsigned int elf_machine(const struct elf_file *f)
{
	return f->machine;
}

bool elf_is_native(const struct elf_file *f)
{
	const unsigned char *h = own_header();

	/* x32 has the machine of x86-64 */
	return !*h || (f->machine == machine_of(h) && f->class == h[EI_CLASS]);
}

#ifdef HAVE_LIBELF_SUPPORT

/* The first section @name of a file, or NULL */
static Elf_Scn *section(Elf *elf, const char *name, GElf_Shdr *shdr)
{
	Elf_Scn *scn = NULL;
	const char *s;
	size_t strs;

	if (elf_getshdrstrndx(elf, &strs))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, shdr))
			continue;
		s = elf_strptr(elf, strs, shdr->sh_name);
		if (s && !strcmp(s, name))
			return scn;
	}
	return NULL;
}

static Elf_Data *section_data(Elf *elf, const char *name, GElf_Shdr *shdr)
{
	Elf_Scn *scn = section(elf, name, shdr);

	return scn && shdr->sh_type != SHT_NOBITS ? elf_getdata(scn, NULL) : NULL;
}

/* Where in the file an address is; -1 if it is not */
static __s64 offset_of(const struct elf_file *f, __u64 addr)
{
	const GElf_Phdr *p;
	size_t i;

	for (i = 0; i < f->nphdrs; i++) {
		p = &f->phdrs[i];
		if (p->p_type == PT_LOAD && addr >= p->p_vaddr && addr - p->p_vaddr < p->p_filesz)
			return addr - p->p_vaddr + p->p_offset;
	}
	return -1;
}

bool elf_is_code(const struct elf_file *f, __u64 offset)
{
	const GElf_Phdr *p;
	size_t i;

	for (i = 0; i < f->nphdrs; i++) {
		p = &f->phdrs[i];
		if (p->p_type == PT_LOAD && p->p_flags & PF_X && offset >= p->p_offset &&
		    offset - p->p_offset < p->p_filesz)
			return true;
	}
	return false;
}

bool elf_is_go(const struct elf_file *f)
{
	GElf_Shdr shdr;

	return section(f->elf, ".go.buildinfo", &shdr) ||
	       section(f->elf, ".note.go.buildid", &shdr);
}

bool elf_has_symbols(void)
{
	return true;
}

/*
 * Separate debug info: by the build ID, else as .gnu_debuglink says, where
 * debuggers look as well
 */

#define DEBUG_DIR	"/usr/lib/debug"

static __u32 crc_of(int fd)
{
	__u32 table[256], crc = ~0u, i;
	unsigned char part[16384];
	ssize_t n, at;
	off_t off = 0;
	int bit;

	for (i = 0; i < 256; i++) {
		table[i] = i;
		for (bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	while ((n = pread(fd, part, sizeof(part), off)) > 0) {
		for (at = 0; at < n; at++)
			crc = crc >> 8 ^ table[(crc ^ part[at]) & 255];
		off += n;
	}
	return ~crc;
}

/* The build ID's bytes, 0 if there is none */
static size_t build_id(Elf *elf, const unsigned char **id)
{
	size_t off = 0, next, name, desc;
	Elf_Data *data;
	GElf_Shdr shdr;
	GElf_Nhdr nhdr;

	data = section_data(elf, ".note.gnu.build-id", &shdr);
	while (data && (next = gelf_getnote(data, off, &nhdr, &name, &desc)) > 0) {
		if (nhdr.n_type == NT_GNU_BUILD_ID && nhdr.n_namesz == 4 &&
		    !memcmp((char *)data->d_buf + name, "GNU", 4)) {
			*id = (unsigned char *)data->d_buf + desc;
			return nhdr.n_descsz;
		}
		off = next;
	}
	return 0;
}

static bool try_debug(struct elf_file *f, const char *path, const unsigned char *id,
		      size_t id_len, __u32 crc)
{
	const unsigned char *other;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st, own;
	GElf_Ehdr ehdr;
	Elf *elf;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && !fstat(f->fd, &own) && S_ISREG(st.st_mode) &&
	    (st.st_ino != own.st_ino || st.st_dev != own.st_dev)) {
		elf = elf_begin(fd, ELF_C_READ, NULL);
		if (elf && gelf_getehdr(elf, &ehdr) && ehdr.e_machine == f->machine &&
		    gelf_getclass(elf) == gelf_getclass(f->elf) &&
		    (id ? build_id(elf, &other) == id_len && !memcmp(other, id, id_len) :
			  crc_of(fd) == crc)) {
			f->debug = elf;
			f->debug_fd = fd;
			return true;
		}
		elf_end(elf);
	}
	close(fd);
	return false;
}

static void find_debug(struct elf_file *f)
{
	static const char *const places[] = { "%s/%s", "%s/.debug/%s", DEBUG_DIR "%s/%s" };
	char path[8192], *real, *dir;
	const unsigned char *id;
	size_t n, i, at, len;
	GElf_Shdr shdr;
	Elf_Data *data;
	__u32 crc;

	f->looked = true;
	n = build_id(f->elf, &id);
	if (n >= 2 && n <= 64) {
		at = sprintf(path, DEBUG_DIR "/.build-id/%02x/", id[0]);
		for (i = 1; i < n; i++)
			at += sprintf(path + at, "%02x", id[i]);
		sprintf(path + at, ".debug");
		if (try_debug(f, path, id, n, 0))
			return;
	}
	data = section_data(f->elf, ".gnu_debuglink", &shdr);
	real = data ? realpath(f->path, NULL) : NULL;
	if (!real)
		return;
	dir = real;
	*strrchr(dir, '/') = 0;
	/* the name with a NUL, padded to 4 bytes, and the sum, in the file's byte order */
	len = data->d_size >= 8 ? strnlen(data->d_buf, data->d_size - 4) : 0;
	at = (len + 4) & ~(size_t)3;
	if (len && at <= data->d_size - 4 && !memchr(data->d_buf, '/', len)) {
		const unsigned char *c = (unsigned char *)data->d_buf + at;

		crc = elf_getident(f->elf, NULL)[EI_DATA] == ELFDATA2MSB ?
		      (__u32)c[0] << 24 | c[1] << 16 | c[2] << 8 | c[3] :
		      (__u32)c[3] << 24 | c[2] << 16 | c[1] << 8 | c[0];
		for (i = 0; i < ARRAY_SIZE(places); i++) {
			n = snprintf(path, sizeof(path), places[i], dir, (char *)data->d_buf);
			if (n < sizeof(path) && try_debug(f, path, NULL, 0, crc))
				break;
		}
	}
	free(real);
}

/*
 * Symbols
 */

/**
 * struct walk - who wants to know the symbols of a file
 * @f: the file
 * @type: STT_FUNC, STT_GNU_IFUNC, or STT_OBJECT, whose addresses it gets
 * @fn: is told each
 * @data: what it gets
 * @name: the last name that was cut
 */
struct walk {
	const struct elf_file *f;
	int type;
	elf_function_fn fn;
	void *data;
	struct buf name;
};

static int walk_symbol(struct walk *w, const char *name, const GElf_Sym *sym)
{
	__u64 addr = sym->st_value;
	const char *version;
	__s64 offset;

	if (!name || !*name || GELF_ST_TYPE(sym->st_info) != w->type ||
	    sym->st_shndx == SHN_UNDEF)
		return 0;
	/* an odd address is one of Thumb code */
	if (w->f->machine == EM_ARM)
		addr &= ~1ULL;
	/* variables need not be in the file */
	offset = w->type == STT_OBJECT ? (__s64)addr : offset_of(w->f, addr);
	if (w->type != STT_OBJECT && (offset < 0 || !elf_is_code(w->f, offset)))
		return 0;
	version = strchr(name, '@');
	if (version) {
		if (version == name)
			return 0;
		w->name.len = 0;
		buf_add(&w->name, name, version - name);
		buf_addc(&w->name, 0);
		name = w->name.data;
	}
	return w->fn(w->data, name, offset, sym->st_size);
}

/* Those in sections of @section's type; *@found: there is one */
static int walk_table(struct walk *w, Elf *elf, __u32 type, bool *found)
{
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Shdr shdr;
	GElf_Sym sym;
	size_t i, n;
	int ret = 0;

	while (!ret && (scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != type || !shdr.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		n = data ? data->d_size / shdr.sh_entsize : 0;
		if (n)
			*found = true;
		for (i = 0; !ret && i < n && gelf_getsym(data, i, &sym); i++)
			ret = walk_symbol(w, elf_strptr(elf, shdr.sh_link, sym.st_name), &sym);
	}
	return ret;
}

static int walk(struct elf_file *f, int type, elf_function_fn fn, void *data)
{
	struct walk w = { .f = f, .type = type, .fn = fn, .data = data };
	bool found = false;
	int ret;

	ret = walk_table(&w, f->elf, SHT_DYNSYM, &found);
	found = false;
	if (!ret)
		ret = walk_table(&w, f->elf, SHT_SYMTAB, &found);
	if (!ret && !found) {
		if (!f->looked)
			find_debug(f);
		if (f->debug)
			ret = walk_table(&w, f->debug, SHT_SYMTAB, &found);
	}
	buf_free(&w.name);
	return ret;
}

int elf_functions(struct elf_file *f, elf_function_fn fn, void *data)
{
	return walk(f, STT_FUNC, fn, data);
}

int elf_ifuncs(struct elf_file *f, elf_function_fn fn, void *data)
{
	return walk(f, STT_GNU_IFUNC, fn, data);
}

struct variable {
	const char *name;
	__u64 addr;
};

static int is_variable(void *data, const char *name, __u64 addr, __u64 size)
{
	struct variable *v = data;

	(void)size;
	v->addr = addr;
	return !strcmp(name, v->name);
}

bool elf_variable(struct elf_file *f, const char *name, __u64 *addr)
{
	struct variable v = { .name = name };

	if (!walk(f, STT_OBJECT, is_variable, &v))
		return false;
	*addr = v.addr;
	return true;
}

/*
 * SDT probes: notes with three addresses and three strings each
 */

#define SDT_TYPE	3

/* The string at *@p, which then is behind it; NULL: it has no end */
static const char *note_string(const char **p, const char *end)
{
	const char *s = *p, *nul = memchr(s, 0, end - s);

	if (!nul)
		return NULL;
	*p = nul + 1;
	return s;
}

/* How far the file was moved after the notes were made is in a section of its own */
static __u64 sdt_base(struct elf_file *f)
{
	GElf_Shdr shdr;

	return section(f->elf, ".stapsdt.base", &shdr) ? shdr.sh_addr : 0;
}

static bool sdt_read(struct elf_file *f, const char *p, size_t len, __u64 base,
		     struct elf_sdt *sdt)
{
	bool is32 = gelf_getclass(f->elf) == ELFCLASS32;
	size_t size = is32 ? 4 : 8;
	__u64 addr[3], moved;
	const char *end = p + len;
	Elf_Data src = {
		.d_buf = (void *)p,
		.d_type = ELF_T_ADDR,
		.d_size = 3 * size,
		.d_version = EV_CURRENT,
	}, dst = src;
	__u32 addr32[3];
	__s64 offset;
	int i;

	if (len < 3 * size)
		return false;
	dst.d_buf = is32 ? (void *)addr32 : addr;
	if (!gelf_xlatetom(f->elf, &dst, &src, elf_getident(f->elf, NULL)[EI_DATA]))
		return false;
	for (i = 0; is32 && i < 3; i++)
		addr[i] = addr32[i];
	p += 3 * size;
	sdt->provider = note_string(&p, end);
	sdt->name = sdt->provider ? note_string(&p, end) : NULL;
	sdt->args = sdt->name ? note_string(&p, end) : NULL;
	if (!sdt->args || !*sdt->name)
		return false;
	moved = base ? base - addr[1] : 0;
	sdt->addr = addr[0] + moved;
	offset = offset_of(f, sdt->addr);
	if (offset < 0)
		return false;
	sdt->offset = offset;
	sdt->ref_ctr = 0;
	if (!addr[2])
		return true;
	offset = offset_of(f, addr[2] + moved);
	sdt->ref_ctr = offset;
	return offset > 0;
}

int elf_sdt_probes(struct elf_file *f, elf_sdt_fn fn, void *data)
{
	size_t off = 0, next, name, desc;
	__u64 base = sdt_base(f);
	struct elf_sdt sdt;
	GElf_Shdr shdr;
	GElf_Nhdr nhdr;
	Elf_Data *notes;
	int ret = 0;

	notes = section_data(f->elf, ".note.stapsdt", &shdr);
	while (!ret && notes && (next = gelf_getnote(notes, off, &nhdr, &name, &desc)) > 0) {
		if (nhdr.n_type == SDT_TYPE && nhdr.n_namesz == sizeof("stapsdt") &&
		    !memcmp((char *)notes->d_buf + name, "stapsdt", sizeof("stapsdt")) &&
		    sdt_read(f, (char *)notes->d_buf + desc, nhdr.n_descsz, base, &sdt))
			ret = fn(data, &sdt);
		off = next;
	}
	return ret;
}

#else /* !HAVE_LIBELF_SUPPORT */

bool elf_is_code(const struct elf_file *f, __u64 offset)
{
	struct stat st;

	return !fstat(f->fd, &st) && offset < (__u64)st.st_size;
}

bool elf_is_go(const struct elf_file *f)
{
	(void)f;
	return false;
}

bool elf_has_symbols(void)
{
	return false;
}

int elf_functions(struct elf_file *f, elf_function_fn fn, void *data)
{
	(void)f;
	(void)fn;
	(void)data;
	return 0;
}

int elf_ifuncs(struct elf_file *f, elf_function_fn fn, void *data)
{
	return elf_functions(f, fn, data);
}

bool elf_variable(struct elf_file *f, const char *name, __u64 *addr)
{
	(void)f;
	(void)name;
	(void)addr;
	return false;
}

int elf_sdt_probes(struct elf_file *f, elf_sdt_fn fn, void *data)
{
	(void)f;
	(void)fn;
	(void)data;
	return 0;
}

#endif
