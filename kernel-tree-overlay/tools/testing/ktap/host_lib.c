// SPDX-License-Identifier: GPL-2.0
/*
 * What the library asks of its environment, in a process: a clock of its own, a
 * time zone, memory that is there and memory that is not.
 *
 *	user memory	0x100000: three pages, the third of which is not there
 *			0x110000: 'x', 8192 times
 *			0x120000: a page that comes late
 *	kernel memory	0xffff888000000000: a page
 *			0xffff888000001000: three sockets, 256 bytes apart: IPv4,
 *			IPv6, another family
 *
 * mem_fill() says what is there.
 */
#include <arpa/inet.h>

#include "shim.h"
#include "host_env.h"

#define HOST_INT(ID, value)						\
int ktap_bi_##ID(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs) \
{									\
	ktap_set_int(&args[0], value);					\
	return 0;							\
}

/*
 * Time
 */

u64 ktap_env_mono_ns(struct ktap_exec *x)
{
	struct host_env *env = ktap_vm_env(ktap_exec_vm(x));

	return __atomic_add_fetch(&env->ts, 1000, __ATOMIC_RELAXED);
}

/* Some time after 2023-11-14 22:13:20 UTC */
s64 ktap_env_real_ns(struct ktap_exec *x)
{
	return 1700000000000000000LL + ktap_env_mono_ns(x);
}

/* Two hours ahead until 2023-10-29 01:00 UTC, one hour after that */
s32 ktap_env_utc_offset(struct ktap_exec *x, s64 secs)
{
	return secs < 1698541200 ? 7200 : 3600;
}

/* Time goes fast; somebody who waits for ever is told to end after a second */
int ktap_env_sleep(struct ktap_exec *x, s64 ms)
{
	struct ktap_vm *vm = ktap_exec_vm(x);
	struct host_env *env = ktap_vm_env(vm);
	bool events = env->nattached && ktap_exec_in_main(x);
	u64 ns = ms < 0 ? NSEC_PER_SEC : (u64)ms * NSEC_PER_MSEC;

	if (events) {
		ktap_vm_pause(x);
		host_pass_time(env, vm, ns);
		shim_run_work();
		ktap_vm_resume(x);
	} else {
		env->ts += ns;
	}
	if (ms < 0)
		ktap_vm_request_stop(vm);
	return 0;
}

HOST_INT(NSECS, ktap_env_mono_ns(x))
HOST_INT(ELAPSED, ktap_env_mono_ns(x))
HOST_INT(OS_CLOCK, ktap_env_mono_ns(x))
HOST_INT(GTOD_NS, ktap_env_real_ns(x))
HOST_INT(GTOD_US, ktap_env_real_ns(x) / 1000)
HOST_INT(GTOD_MS, ktap_env_real_ns(x) / 1000000)
HOST_INT(GTOD_S, ktap_env_real_ns(x) / 1000000000)

/*
 * Memory
 */
#define MEM_PAGE	4096
#define USER_MEM	0x100000UL
#define USER_LONG	0x110000UL
#define KERNEL_MEM	0xffff888000000000UL
#define KERNEL_SOCK	(KERNEL_MEM + MEM_PAGE)

static char user_mem[2 * MEM_PAGE], user_long[2 * MEM_PAGE];
static char kernel_mem[MEM_PAGE], kernel_sock[3][256];

/* The shape of a socket: family, addresses */
struct mem_sock {
	u16 family;
	char saddr[16];
	char daddr[16];
};

/* A literal, with its NUL */
#define PUT(at, text)	memcpy(at, text, sizeof(text))

static void mem_fill(void)
{
	static const u64 argv[] = { USER_MEM, USER_MEM + 0x40, 0 };
	static const u64 argv_bad[] = { USER_MEM, USER_MEM + 0x2000, 0 };
	static const u64 argv_long[] = { USER_MEM, USER_LONG, USER_MEM, 0 };
	static const u8 ints[] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct mem_sock *s;

	if (user_mem[0])
		return;
	PUT(user_mem, "hello");
	memcpy(user_mem + 0x20, ints, sizeof(ints));
	PUT(user_mem + 0x40, "wide world");
	PUT(user_mem + 0x60, "a\nb\001c");
	memcpy(user_mem + 0x100, argv, sizeof(argv));
	memcpy(user_mem + 0x140, argv_bad, sizeof(argv_bad));
	memcpy(user_mem + 0x180, argv_long, sizeof(argv_long));
	/* across two pages, and up to one that is not there, with its NUL or not */
	PUT(user_mem + MEM_PAGE - 6, "crosses pages");
	PUT(user_mem + 2 * MEM_PAGE - 16, "ends");
	memcpy(user_mem + 2 * MEM_PAGE - 5, "tail", 5);
	memset(user_long, 'x', sizeof(user_long));

	PUT(kernel_mem, "kernel text");
	memcpy(kernel_mem + 0x20, ints, sizeof(ints));
	s = (struct mem_sock *)kernel_sock[0];
	s->family = AF_INET;
	inet_pton(AF_INET, "10.1.2.3", s->saddr);
	inet_pton(AF_INET, "192.168.0.255", s->daddr);
	s = (struct mem_sock *)kernel_sock[1];
	s->family = AF_INET6;
	inet_pton(AF_INET6, "fe80::1", s->saddr);
	inet_pton(AF_INET6, "2001:db8::8:800:200c:417a", s->daddr);
	s = (struct mem_sock *)kernel_sock[2];
	s->family = AF_UNIX;
}

static bool mem_in(const char *mem, u64 size, u64 base, void *to, u64 addr, size_t len)
{
	if (addr < base || addr - base > size || len > size - (addr - base))
		return false;
	memcpy(to, mem + (addr - base), len);
	return true;
}

int ktap_env_read(struct ktap_exec *x, bool user, void *to, u64 addr, size_t len)
{
	mem_fill();
	/* the VM never asks for more than what it needs in a page */
	if (len > 8 && addr / MEM_PAGE != (addr + len - 1) / MEM_PAGE)
		abort();
	if (user)
		return mem_in(user_mem, sizeof(user_mem), USER_MEM, to, addr, len) ||
		       mem_in(user_long, sizeof(user_long), USER_LONG, to, addr, len) ?
		       0 : -EFAULT;
	return mem_in(kernel_mem, sizeof(kernel_mem), KERNEL_MEM, to, addr, len) ? 0 : -EFAULT;
}

/*
 * Late strings: in the handler of an event a page that is not there yet.  What
 * comes is known, so it goes into the record at once.
 */
#define USER_LATE	0x120000UL

static const char late_text[] = "came late";

bool ktap_env_may_be_late(struct ktap_exec *x, u64 addr)
{
	return ktap_exec_event(x) && addr / MEM_PAGE == USER_LATE / MEM_PAGE;
}

size_t ktap_env_late_size(void)
{
	return ALIGN(sizeof(struct ktap_rec_val) + sizeof(late_text) - 1, 8);
}

void ktap_env_late_put(struct ktap_exec *x, u64 addr, size_t max, void *p)
{
	struct ktap_rec_val val = {
		.type = KTAP_VAL_STR,
		.len = sizeof(late_text) - 1,
	};

	memset(p, 0, ktap_env_late_size());
	memcpy(p, &val, sizeof(val));
	memcpy(p + sizeof(val), late_text, val.len);
}

unsigned int ktap_env_user_ptr_size(void)
{
	return 8;
}

size_t ktap_env_ip_text(char buf[KTAP_IP_TEXT], const void *addr, size_t len)
{
	return strlen(inet_ntop(len == 4 ? AF_INET : AF_INET6, addr, buf, KTAP_IP_TEXT));
}

int ktap_env_sock_addr(u64 addr, bool daddr, char to[16])
{
	const struct mem_sock *s;

	mem_fill();
	if (addr < KERNEL_SOCK || (addr - KERNEL_SOCK) / 256 >= ARRAY_SIZE(kernel_sock))
		return -EFAULT;
	s = (const struct mem_sock *)kernel_sock[(addr - KERNEL_SOCK) / 256];
	memcpy(to, daddr ? s->daddr : s->saddr, 16);
	return s->family == AF_INET ? 4 : s->family == AF_INET6 ? 16 : 0;
}

/*
 * Builtins of the environment
 */
HOST_INT(NODE, 0)
HOST_INT(CGROUP, 1)

/* Three files are open */
int ktap_bi_PATH(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	static const char * const names[] = { "/dev/null", "/tmp/out", "/tmp/err (deleted)" };
	s64 fd = args[0].i;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "path() takes the number of a file descriptor");
	ktap_set_nil(&args[0]);
	return fd >= 0 && fd < 3 ? ktap_set_str(x, &args[0], names[fd], strlen(names[fd])) : 0;
}

int ktap_bi_IN_IOWAIT(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_bool(&args[0], false);
	return 0;
}

int ktap_bi_EXECNAME(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	if (!nargs)
		return ktap_set_str(x, &args[0], "host", 4);
	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "execname() takes the number of a process or thread");
	if (args[0].i == 1)
		return ktap_set_str(x, &args[0], "init", 4);
	ktap_set_nil(&args[0]);
	return 0;
}

int ktap_bi_CURR_TASKINFO(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	ktap_set_int(&args[0], 0);
	return 0;
}

int ktap_bi_KSYM(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	char buf[32];
	int n;

	if (args[0].type == KTAP_NIL)
		return 0;
	if (args[0].type != KTAP_INT)
		return ktap_error(x, "ksym() takes an address");
	n = snprintf(buf, sizeof(buf), "0x%llx", (long long)args[0].i);
	return ktap_set_str(x, &args[0], buf, n);
}

int ktap_bi_OS_INFO(struct ktap_exec *x, struct ktap_val *args, unsigned int nargs)
{
	static const char info[] = "Linux 6.12.0 x86_64";

	return ktap_set_str(x, &args[0], info, sizeof(info) - 1);
}
