/* SPDX-License-Identifier: GPL-2.0 */
/*
 * elf_file: what is in the files of programs and libraries.
 *
 * Places in code are offsets in the file, as the kernel's uprobes want them, and
 * not addresses.  The files are anybody's: each is checked for what is read of it.
 */
#ifndef _KTAP_ELF_FILE_H
#define _KTAP_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct elf_file;

/*
 * Opens a program or a library. NULL: @err says why, with the path.
 * Without libelf, what is in the file stays unknown but for its kind.
 */
struct elf_file *elf_open(const char *path, char *err, size_t size);
void elf_close(struct elf_file *f);
/* The open file itself, until elf_close() */
int elf_fd(const struct elf_file *f);

/*
 * All functions of .dynsym and .symtab, or of the .symtab of the file's separate
 * debug info, in no order; one may have several names, or come twice. A version
 * (name@VERSION) is left off. Stops when @fn does not return 0, and returns that.
 * A name is there until @fn returns.
 */
typedef int (*elf_function_fn)(void *data, const char *name, __u64 offset, __u64 size);
int elf_functions(struct elf_file *f, elf_function_fn fn, void *data);
/*
 * The functions that are not called: what they return is (STT_GNU_IFUNC).
 * Not among those of elf_functions().
 */
int elf_ifuncs(struct elf_file *f, elf_function_fn fn, void *data);
/* The address of a variable, as the file's own addresses are */
bool elf_variable(struct elf_file *f, const char *name, __u64 *addr);

/* An SDT probe; strings are there until elf_sdt_probes() returns */
struct elf_sdt {
	const char *provider;
	const char *name;
	const char *args;	/* see sdt_args.h */
	__u64 addr;		/* as those of elf_variable() */
	__u64 offset;
	__u64 ref_ctr;		/* offset of the semaphore, or 0 */
};

typedef int (*elf_sdt_fn)(void *data, const struct elf_sdt *sdt);
int elf_sdt_probes(struct elf_file *f, elf_sdt_fn fn, void *data);

/* The EM_ number of the file */
unsigned int elf_machine(const struct elf_file *f);
/* Is it for the same machine as this program? */
bool elf_is_native(const struct elf_file *f);
/* May there be an instruction? */
bool elf_is_code(const struct elf_file *f, __u64 offset);
/* Go moves its stacks, and with them the return addresses */
bool elf_is_go(const struct elf_file *f);
/* Are symbols known: was ktap built with libelf? */
bool elf_has_symbols(void);

#endif /* _KTAP_ELF_FILE_H */
