// SPDX-License-Identifier: GPL-2.0
/*
 * ktap: builtins about networks.
 *
 * An IPv4 address is a number with the bytes in the order of the network, as it
 * stands in the kernel's structures and in events, or a string of 4 bytes; an
 * IPv6 address is a string of 16 bytes, which is what arrays in events are.
 *
 * Contexts: any.
 * Locks: none.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "vm.h"

int ktap_bi_NTOP(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	char buf[KTAP_IP_TEXT];
	u32 ip4;

	switch (args[0].type) {
	case KTAP_NIL:
		return 0;
	case KTAP_INT:
		/* of an int or an unsigned int: the upper half is its sign */
		ip4 = args[0].i;
		return ktap_set_str(x, &args[0], buf, ktap_env_ip_text(buf, &ip4, 4));
	case KTAP_STR:
		if (args[0].s->len == 4 || args[0].s->len == 16)
			return ktap_set_str(x, &args[0], buf,
					    ktap_env_ip_text(buf, args[0].s->data,
							     args[0].s->len));
		return ktap_error(x, "ntop() takes 4 or 16 bytes, not %u", args[0].s->len);
	}
	return ktap_wrong_type(x, 1, "number", &args[0]);
}

int ktap_bi_MACADDR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	char buf[24];
	const u8 *a;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_STR)
		return ktap_wrong_type(x, 1, "string", &args[0]);
	if (args[0].s->len != 6)
		return ktap_error(x, "macaddr() takes 6 bytes, not %u", args[0].s->len);
	a = (const u8 *)args[0].s->data;
	snprintf(buf, sizeof(buf), "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3],
		 a[4], a[5]);
	return ktap_set_str(x, &args[0], buf, strlen(buf));
}

/* A number whose bytes are to be swapped: 1, or 0 for nil, or an error */
static int ktap_swap_arg(struct ktap_exec *x, const struct ktap_val *args)
{
	if (args[0].type == KTAP_INT)
		return 1;
	return args[0].type == KTAP_NIL ? 0 : ktap_wrong_type(x, 1, "number", &args[0]);
}

static int ktap_swap16(struct ktap_exec *x, struct ktap_val *args)
{
	int ret = ktap_swap_arg(x, args);

	if (ret > 0)
		ktap_set_int(&args[0], be16_to_cpu((__force __be16)(u16)args[0].i));
	return min(ret, 0);
}

static int ktap_swap32(struct ktap_exec *x, struct ktap_val *args)
{
	int ret = ktap_swap_arg(x, args);

	if (ret > 0)
		ktap_set_int(&args[0], be32_to_cpu((__force __be32)(u32)args[0].i));
	return min(ret, 0);
}

int ktap_bi_NTOHS(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_swap16(x, args);
}

int ktap_bi_HTONS(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_swap16(x, args);
}

int ktap_bi_NTOHL(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_swap32(x, args);
}

int ktap_bi_HTONL(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_swap32(x, args);
}

/* An address of a struct sock: as ntop() takes it, or nil */
static int ktap_sock_addr(struct ktap_exec *x, struct ktap_val *args, bool daddr)
{
	char buf[16];
	u32 ip4;
	int len;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_wrong_type(x, 1, "number", &args[0]);
	len = ktap_env_sock_addr(args[0].i, daddr, buf);
	if (len == 16)
		return ktap_set_str(x, &args[0], buf, 16);
	if (len == 4) {
		memcpy(&ip4, buf, sizeof(ip4));
		ktap_set_int(&args[0], ip4);
		return 0;
	}
	if (len < 0)
		ktap_vm_lost(x->vm, KTAP_LOSS_FAULT, 1);
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_IP_SOCK_SADDR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_sock_addr(x, args, false);
}

int ktap_bi_IP_SOCK_DADDR(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	return ktap_sock_addr(x, args, true);
}
