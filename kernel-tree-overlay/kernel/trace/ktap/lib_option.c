// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: the options of a script, --NAME=VALUE on its command line.
 *
 * The tool finds option(NAME, default, help) in the image, so it has refused
 * what the script does not know, and values that do not fit the default, before
 * it hands the rest over. A value that does not fit all the same is an error
 * when the script asks for it.
 *
 * Contexts: process context; the builtin is one of the main chunk.
 * Locks: none.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "vm.h"

/**
 * ktap_vm_set_options() - the options that the script was called with
 * @vm: the VM; nothing ran yet
 * @options: NAME=VALUE, NUL-terminated strings in a row; if a name is there
 *	twice, the last one holds
 * @size: bytes of all of them
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ktap_vm_set_options(struct ktap_vm *vm, const char *options, size_t size)
{
	size_t pos, len;

	if (!size)
		return 0;
	if (options[size - 1])
		return -EINVAL;
	for (pos = 0; pos < size; pos += len + 1) {
		len = strlen(options + pos);
		if (len > KTAP_MAX_STR || !memchr(options + pos, '=', len))
			return -EINVAL;
	}
	vm->options = kvmalloc(size, GFP_KERNEL);
	if (!vm->options)
		return -ENOMEM;
	memcpy(vm->options, options, size);
	vm->options_size = size;
	return 0;
}

/* The value of the option @name, or NULL if it was not given */
static const char *find_option(const struct ktap_vm *vm, const struct ktap_str *name)
{
	const char *value = NULL, *s;
	size_t pos;

	for (pos = 0; pos < vm->options_size; pos += strlen(s) + 1) {
		s = vm->options + pos;
		if (!strncmp(s, name->data, name->len) && s[name->len] == '=')
			value = s + name->len + 1;
	}
	return value;
}

/* option(name, default, help): the value has the type of the default */
int ktap_bi_OPTION(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	const char *value;
	s64 i;

	if (args[0].type != KTAP_STR)
		return ktap_error(x, "wrong type of argument 1: string expected, not %s",
				  ktap_type_name(&args[0]));
	value = find_option(x->vm, args[0].s);
	if (!value) {
		args[0] = args[1];
		return 0;
	}
	switch (args[1].type) {
	case KTAP_INT:
		if (!ktap_parse_int(value, strlen(value), &i))
			return ktap_error(x, "the option --%s takes a number",
					  args[0].s->data);
		ktap_set_int(&args[0], i);
		return 0;
	case KTAP_BOOL:
		if (strcmp(value, "true") && strcmp(value, "false"))
			return ktap_error(x, "the option --%s is true or false",
					  args[0].s->data);
		ktap_set_bool(&args[0], *value == 't');
		return 0;
	default:
		return ktap_set_str(x, &args[0], value, strlen(value));
	}
}
