// SPDX-License-Identifier: GPL-2.0
/*
 * What a tracer that may be a module has to know of the kernel's code: which
 * functions there are, whether one can be probed, where the function tracer's
 * hook is, the stack at a probe, and that of a program; and of the code of
 * programs, whether an instruction can be probed. And what one has that injects
 * errors: which functions allow it, and how a function is left before it has begun.
 *
 * Contexts: process context, but for trace_event_tap_stack(),
 * trace_event_tap_user_stack() and trace_event_tap_override().
 * Locks: that of the modules, while their symbols are looked at.
 */
#include <linux/align.h>
#include <linux/compat.h>
#include <linux/error-injection.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/glob.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/ptrace.h>
#include <linux/rethook.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/trace_event_tap.h>
#include <linux/uaccess.h>
#include <linux/uprobes.h>

#include <asm/sections.h>
#ifdef CONFIG_ARM64
#include <asm/pointer_auth.h>
#endif
#ifdef CONFIG_X86
#include <asm/insn.h>
#endif
#ifdef CONFIG_X86
#include <asm/unwind.h>
#endif

#ifdef CONFIG_MODULES
static bool is_glob(const char *s)
{
	return s[strcspn(s, "*?[\\")];
}

struct of_modules {
	const char	*glob;
	int		(*fn)(void *data, const char *name, unsigned long addr);
	void		*data;
};

static int of_modules(void *data, const char *name, unsigned long addr)
{
	const struct of_modules *of = data;
	const struct module *mod;

	/* it stays: the caller holds the lock of the modules */
	preempt_disable();
	mod = __module_address(addr);
	preempt_enable();
	return mod && glob_match(of->glob, mod->name) ? of->fn(of->data, name, addr) : 0;
}

static int symbols_of_modules(const char *module,
			      int (*fn)(void *data, const char *name, unsigned long addr),
			      void *data)
{
	struct of_modules of = { .glob = module, .fn = fn, .data = data };

	if (module && is_glob(module))
		return module_kallsyms_on_each_symbol(NULL, of_modules, &of);
	return module_kallsyms_on_each_symbol(module, fn, data);
}
#else
static int symbols_of_modules(const char *module,
			      int (*fn)(void *data, const char *name, unsigned long addr),
			      void *data)
{
	return 0;
}
#endif

/**
 * trace_event_tap_symbols - look at the symbols of the kernel
 * @module: those of this module, or of all whose name matches this glob; NULL:
 *	those of the kernel and of all modules
 * @fn: is called for each of them; what is not 0 ends it
 * @data: argument of @fn
 *
 * @fn must not look a symbol of a module up by its name.
 *
 * Context: process context, may sleep.
 * Return: 0, or what @fn returned.
 */
int trace_event_tap_symbols(const char *module,
			    int (*fn)(void *data, const char *name, unsigned long addr),
			    void *data)
{
	int ret = module ? 0 : kallsyms_on_each_symbol(fn, data);

	if (!ret || ret == -EOPNOTSUPP)
		ret = symbols_of_modules(module, fn, data);
	return ret == -EOPNOTSUPP ? 0 : ret;
}
EXPORT_SYMBOL_GPL(trace_event_tap_symbols);

/**
 * trace_event_tap_symbol - look at the symbols of the kernel that have one name
 * @name: the name
 * @fn: is called with the address of each of them; what is not 0 ends it
 * @data: argument of @fn
 *
 * Of those in modules, @fn sees one. It takes no longer if there are many symbols.
 *
 * Context: process context, may sleep.
 * Return: 0, or what @fn returned.
 */
int trace_event_tap_symbol(const char *name, int (*fn)(void *data, unsigned long addr),
			   void *data)
{
	int ret = kallsyms_on_each_match_symbol(fn, name, data);
	unsigned long addr;

	if (ret && ret != -EOPNOTSUPP)
		return ret;
	addr = module_kallsyms_lookup_name(name);
	return addr ? fn(data, addr) : 0;
}
EXPORT_SYMBOL_GPL(trace_event_tap_symbol);

/**
 * trace_event_tap_hook - find the function tracer's hook
 * @addr: address of a function
 *
 * Context: any.
 * Return: the address that the function tracer knows it by, or 0.
 */
unsigned long trace_event_tap_hook(unsigned long addr)
{
	return ftrace_location(addr);
}
EXPORT_SYMBOL_GPL(trace_event_tap_hook);

/*
 * Whether the function tracer leaves the function alone, as kprobe_events asks:
 * the parts of one that the compiler has cut off are as the whole.
 */
#ifdef CONFIG_DYNAMIC_FTRACE
static bool is_notrace(unsigned long addr)
{
	unsigned long size, offset;
	char name[KSYM_NAME_LEN];
	char *dot;

	if (!kallsyms_lookup_size_offset(addr, &size, &offset))
		return false;
	addr -= offset;
	if (ftrace_location_range(addr, addr + size - 1))
		return false;
	if (sprint_symbol_no_offset(name, addr) <= 0)
		return true;
	dot = strchr(name, '.');
	if (!dot)
		return true;
	*dot = '\0';
	addr = kallsyms_lookup_name(name);
	return !addr || !kallsyms_lookup_size_offset(addr, &size, &offset) ||
	       !ftrace_location_range(addr, addr + size - 1);
}
#else
static bool is_notrace(unsigned long addr)
{
	return false;
}
#endif

/**
 * trace_event_tap_place - what kind of code an address is in
 * @addr: the address
 *
 * Context: process context.
 * Return: the kind.
 */
enum trace_event_tap_place trace_event_tap_place(unsigned long addr)
{
	if (init_section_contains((void *)addr, 1))
		return TRACE_EVENT_TAP_INIT;
	if (!kernel_text_address(addr))
		return TRACE_EVENT_TAP_NO_CODE;
#ifdef CONFIG_KPROBES
	if (within_kprobe_blacklist(addr))
		return TRACE_EVENT_TAP_BLACKLIST;
#endif
	return is_notrace(addr) ? TRACE_EVENT_TAP_NOTRACE : TRACE_EVENT_TAP_CODE;
}
EXPORT_SYMBOL_GPL(trace_event_tap_place);

/**
 * trace_event_tap_error_type - which results a function may be made to have
 * @addr: where it begins
 *
 * Context: process context, may sleep.
 * Return: EI_ETYPE_*, or a negative error if it is not on the kernel's list of
 * functions that allow error injection.
 */
int trace_event_tap_error_type(unsigned long addr)
{
	return get_injectable_error_type(addr);
}
EXPORT_SYMBOL_GPL(trace_event_tap_error_type);

/**
 * trace_event_tap_override - have a function return at once
 * @regs: the registers at its start, in the handler of a kprobe that is never
 *	optimized; it returns 1
 * @retval: what the function returns
 *
 * Context: any.
 */
void trace_event_tap_override(struct pt_regs *regs, unsigned long retval)
{
#ifdef CONFIG_FUNCTION_ERROR_INJECTION
	regs_set_return_value(regs, retval);
	override_function_with_return(regs);
#endif
}
EXPORT_SYMBOL_GPL(trace_event_tap_override);

NOKPROBE_SYMBOL(trace_event_tap_override);

/*
 * At a function's start there is no frame of it yet, and who follows frame
 * pointers does not find its caller: that is what it returns to.
 */
#if defined(CONFIG_X86) && defined(CONFIG_UNWINDER_FRAME_POINTER)
static unsigned long kernel_caller(struct pt_regs *regs)
{
	unsigned long *sp = (unsigned long *)kernel_stack_pointer(regs);
	unsigned long caller = READ_ONCE_NOCHECK(*sp);
#ifdef CONFIG_RETHOOK
	struct llist_node *pos = NULL;
#endif

	caller = ftrace_graph_ret_addr(current, NULL, caller, sp);
#ifdef CONFIG_RETHOOK
	if (is_rethook_trampoline(caller))
		caller = rethook_find_ret_addr(current, (unsigned long)sp, &pos);
#endif
	return caller;
}
#elif defined(CONFIG_ARM64)
static unsigned long kernel_caller(struct pt_regs *regs)
{
	unsigned long caller = ptrauth_strip_kernel_insn_pac(procedure_link_pointer(regs));
#ifdef CONFIG_KRETPROBES
	struct llist_node *pos = NULL;

	if (is_kretprobe_trampoline(caller))
		caller = kretprobe_find_ret_addr(current, (void *)regs->regs[29], &pos);
#endif
	return caller;
}
#else
static unsigned long kernel_caller(struct pt_regs *regs)
{
	return 0;
}
#endif

static unsigned int add_caller(struct pt_regs *regs, unsigned long *ip, unsigned int nr,
			       unsigned int size)
{
	unsigned long caller = kernel_caller(regs);

	if (!nr || size < 2 || !caller || (nr > 1 && ip[1] == caller))
		return nr;
	nr = min(nr + 1, size);
	memmove(ip + 2, ip + 1, (nr - 2) * sizeof(*ip));
	ip[1] = caller;
	return nr;
}

/**
 * trace_event_tap_stack - the stack where a probe was hit
 * @regs: the registers there
 * @entry: that is the start of a function
 * @ip: gets the frames, the innermost first
 * @size: how many fit
 *
 * Context: any, in the handler of the probe.
 * Return: how many frames there are.
 */
unsigned int trace_event_tap_stack(struct pt_regs *regs, bool entry, unsigned long *ip,
				   unsigned int size)
{
#ifdef CONFIG_STACKTRACE
	unsigned int nr = stack_trace_save_regs(regs, ip, size, 0);

	return entry ? add_caller(regs, ip, nr, size) : nr;
#else
	return 0;
#endif
}
EXPORT_SYMBOL_GPL(trace_event_tap_stack);

/**
 * trace_event_tap_register - find a register by its name
 * @name: as the kernel's own probes name it
 *
 * Context: any.
 * Return: its offset, see regs_get_register(), or -EINVAL.
 */
int trace_event_tap_register(const char *name)
{
#ifdef CONFIG_HAVE_REGS_AND_STACK_ACCESS_API
	return regs_query_register_offset(name);
#else
	return -EINVAL;
#endif
}
EXPORT_SYMBOL_GPL(trace_event_tap_register);

#ifdef CONFIG_UPROBES
/* Goes from instruction to instruction */
#ifdef CONFIG_X86
static int check_begin(struct file *file, loff_t start, loff_t offset, bool compat)
{
	enum insn_mode mode = compat || !IS_ENABLED(CONFIG_X86_64) ? INSN_MODE_32 :
								     INSN_MODE_64;
	u8 code[MAX_INSN_SIZE];
	struct insn insn;
	ssize_t size;
	loff_t pos;

	/* no function is that large, and it would take long */
	if (offset - start > SZ_1M)
		return 0;
	while (start < offset) {
		if (fatal_signal_pending(current))
			return -EINTR;
		pos = start;
		size = kernel_read(file, code, sizeof(code), &pos);
		if (size < 0)
			return size;
		if (insn_decode(&insn, code, size, mode))
			return -EILSEQ;
		start += insn.length;
		cond_resched();
	}
	return start == offset ? 0 : -EILSEQ;
}
#else
static int check_begin(struct file *file, loff_t start, loff_t offset, bool compat)
{
	return 0;
}
#endif

/**
 * trace_event_tap_user_code - whether there can be a uprobe at an instruction
 * @file: the program; it is open for reading
 * @start: where in the file some instruction before it begins, or @offset
 * @offset: where the instruction is in the file
 * @compat: the program is of 32 bits, and the kernel of 64
 *
 * uprobe_register() itself looks at the instruction only if a process has it
 * mapped, and later, when one maps it, nobody is told what is wrong with it.
 *
 * Context: process context, may sleep.
 * Return: 0; -EILSEQ: that is in the middle of an instruction, as far as one can
 * know; what uprobe_register() would return; or what reading returned.
 */
int trace_event_tap_user_code(struct file *file, loff_t start, loff_t offset, bool compat)
{
	struct arch_uprobe arch = {};
	loff_t pos = offset;
	ssize_t size;
	int ret;

	if (!IS_ALIGNED(offset, UPROBE_SWBP_INSN_SIZE))
		return -EILSEQ;
	ret = check_begin(file, start, offset, compat);
	if (ret)
		return ret;
	size = kernel_read(file, &arch.insn, sizeof(arch.insn), &pos);
	if (size <= 0)
		return size ?: -EIO;
	if (is_trap_insn((uprobe_opcode_t *)&arch.insn))
		return -EOPNOTSUPP;
	/* it is for the mode of a process, of which there may be none yet */
	if (compat != in_compat_syscall())
		return 0;
	ret = arch_uprobe_analyze_insn(&arch, current->mm, offset);
	/* as some architectures say it */
	return ret == -EINVAL ? -EOPNOTSUPP : ret;
}
EXPORT_SYMBOL_GPL(trace_event_tap_user_code);
#endif

#ifdef CONFIG_PERF_EVENTS
/* As add_caller(), for a program */
#ifdef CONFIG_X86
static unsigned long user_caller(struct pt_regs *regs)
{
	const void __user *sp = (const void __user *)user_stack_pointer(regs);
	unsigned long caller = 0;
	u32 caller32;

	if (user_64bit_mode(regs))
		return copy_from_user_nofault(&caller, sp, sizeof(caller)) ? 0 : caller;
	return copy_from_user_nofault(&caller32, sp, sizeof(caller32)) ? 0 : caller32;
}
#elif defined(CONFIG_ARM64)
static unsigned long user_caller(struct pt_regs *regs)
{
	return compat_user_mode(regs) ? 0 : ptrauth_strip_user_insn_pac(regs->regs[30]);
}
#else
static unsigned long user_caller(struct pt_regs *regs)
{
	return 0;
}
#endif

static void add_user_caller(struct perf_callchain_entry *stack, unsigned long caller,
			    unsigned int size)
{
	if (!stack->nr || size < 2 || !caller || (stack->nr > 1 && stack->ip[1] == caller))
		return;
	stack->nr = min(stack->nr + 1, (u64)size);
	memmove(stack->ip + 2, stack->ip + 1, (stack->nr - 2) * sizeof(*stack->ip));
	stack->ip[1] = caller;
}

/* Who returns to a trampoline returns to who called it, a little later. */
#ifdef CONFIG_UPROBES
static void without_trampolines(struct perf_callchain_entry *stack)
{
	const struct uprobe_task *utask = current->utask;
	const struct return_instance *ri = utask ? utask->return_instances : NULL;
	unsigned long trampoline;
	unsigned int i;

	if (likely(!ri))
		return;
	trampoline = uprobe_get_trampoline_vaddr();
	for (i = 0; ri && i < stack->nr; i++) {
		if (stack->ip[i] == trampoline) {
			stack->ip[i] = ri->orig_ret_vaddr;
			ri = ri->next;
		}
	}
}
#else
static void without_trampolines(struct perf_callchain_entry *stack)
{
}
#endif
#endif /* CONFIG_PERF_EVENTS */

/**
 * trace_event_tap_user_stack - the stack of the current program
 * @entry: it is at the start of a function
 * @stack: gets the frames, the innermost first: where the program is, or enters the
 *	kernel, and those that called it; has room for @size
 * @size: how many are wanted at most
 *
 * As perf has it: by frame pointers, so that what was compiled without them ends it,
 * or leaves functions out.  A page that is not there ends it as well.  A thread of
 * the kernel has none.
 *
 * Context: any.
 */
void trace_event_tap_user_stack(bool entry, struct perf_callchain_entry *stack,
				unsigned int size)
{
#ifdef CONFIG_PERF_EVENTS
	struct perf_callchain_entry_ctx ctx = { .entry = stack, .max_stack = size };
	struct pt_regs *regs = task_pt_regs(current);

	stack->nr = 0;
	if (!current->mm || current->flags & (PF_KTHREAD | PF_USER_WORKER))
		return;
	perf_callchain_user(&ctx, regs);
	if (entry)
		add_user_caller(stack, user_caller(regs), size);
	without_trampolines(stack);
	/* where a thread begins there may be a frame that nobody called */
	while (stack->nr > 1 && !stack->ip[stack->nr - 1])
		stack->nr--;
#else
	stack->nr = 0;
#endif
}
EXPORT_SYMBOL_GPL(trace_event_tap_user_stack);

/*
 * The registers where a function of this code was interrupted: unwinding from here
 * gets to them. Only who follows frame pointers needs them, see above.
 */
#if defined(CONFIG_X86) && defined(CONFIG_UNWINDER_FRAME_POINTER)
static struct pt_regs *find_regs(const struct trace_event_tap_code *code)
{
	struct unwind_state state;
	struct pt_regs *regs;

	for (unwind_start(&state, current, NULL, NULL); !unwind_done(&state);
	     unwind_next_frame(&state)) {
		regs = unwind_get_entry_regs(&state, NULL);
		if (regs && regs->ip >= code->start && regs->ip <= code->end)
			return regs;
	}
	return NULL;
}
#else
static struct pt_regs *find_regs(const struct trace_event_tap_code *code)
{
	return NULL;
}
#endif

/**
 * trace_event_tap_stack_at - the stack where a probe was hit whose registers are not
 * at hand
 * @addr: where the probe is
 * @code: of the function
 * @ip: as for trace_event_tap_stack()
 * @size: as for trace_event_tap_stack()
 *
 * Context: any, in the handler of the probe, or a tap of its event.
 * Return: how many frames there are; 0: what any walk from here finds after frames
 * of the tracer's is right.
 */
unsigned int trace_event_tap_stack_at(unsigned long addr,
				      const struct trace_event_tap_code *code,
				      unsigned long *ip, unsigned int size)
{
	struct pt_regs *regs = find_regs(code);

	if (!regs)
		return 0;
	return trace_event_tap_stack(regs, addr == code->start || ftrace_location(addr) == addr,
				     ip, size);
}
EXPORT_SYMBOL_GPL(trace_event_tap_stack_at);
